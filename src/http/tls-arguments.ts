import * as v from "valibot";
import { choice, crossCheck, filePath, flag, optional, secret, table, text } from "../schema/index.ts";
import { reportBoth } from "./report-both.ts";

/** The `tls_config` table. */
export function tlsArguments() {
  return v.pipe(
    table({
      ca_pem: pem("Certificate authorities to trust, as PEM text"),
      ca_file: file("File of certificate authorities to trust", "ca.pem"),
      cert_pem: pem("The client's certificate, as PEM text"),
      cert_file: file("File of the client's certificate", "client.pem"),
      key_pem: optional(secret(), { description: "The client's key, as PEM text", example: "${CLIENT_KEY}" }),
      key_file: file("File of the client's key", "client.key"),
      server_name: optional(text(), {
        description: "The name the server's certificate must have, where it is not the URL's host",
        example: "pyroscope.example.com",
      }),
      insecure_skip_verify: optional(flag(), {
        default: false,
        description: "Whether any certificate is accepted; the connection is then open to whoever sits in between",
        example: true,
      }),
      min_version: optional(choice(["TLS10", "TLS11", "TLS12", "TLS13"]), {
        default: "TLS12",
        description: "The least TLS version to accept",
        example: "TLS13",
      }),
    }),
    crossCheck([], (tls, report) => {
      reportBoth(tls, ["ca_pem", "ca_file"], report);
      reportBoth(tls, ["cert_pem", "cert_file"], report);
      reportBoth(tls, ["key_pem", "key_file"], report);
      const cert = (["cert_pem", "cert_file"] as const).find((name) => tls[name] !== undefined);
      const key = (["key_pem", "key_file"] as const).find((name) => tls[name] !== undefined);
      if (cert && !key) report([cert], "a client certificate needs its key: set key_pem or key_file too");
      if (key && !cert) report([key], "a client key needs its certificate: set cert_pem or cert_file too");
    }),
  );
}

/** Whether the table asks for what happens without one. */
export function asksForDefaultTls(tls: v.InferOutput<ReturnType<typeof tlsArguments>>): boolean {
  const { insecure_skip_verify, min_version, ...rest } = tls;
  return !insecure_skip_verify && min_version === "TLS12" && Object.keys(rest).length === 0;
}

function pem(description: string) {
  return optional(text(), { description, example: "-----BEGIN CERTIFICATE-----…" });
}

function file(description: string, example: string) {
  return optional(filePath(), { description, example });
}
