import { isIP } from "node:net";
import * as v from "valibot";
import { Secret } from "../../base/index.ts";
import { isDeno } from "../../runtime/index.ts";
import {
  choice,
  crossCheck,
  filePath,
  flag,
  optional,
  secretProblem,
  table,
  text,
  typeName,
} from "../../schema/index.ts";
import { certificateProblem, certificatesIn, isPair, privateKeyIn, privateKeyProblem } from "./pem.ts";
import { reportBoth } from "../report-both.ts";

/** The `tls_config` table. */
export function tlsArguments() {
  return v.pipe(
    table({
      ca_pem: certificates("Certificate authorities to trust instead of the system's, as PEM text"),
      ca_file: file("File of certificate authorities to trust instead of the system's", "ca.pem"),
      cert_pem: certificates("The client's certificate, as PEM text"),
      cert_file: file("File of the client's certificate", "client.pem"),
      key_pem: optional(privateKey(), { description: "The client's key, as PEM text", example: "${CLIENT_KEY}" }),
      key_file: file("File of the client's key", "client.key"),
      server_name: optional(hostName(), {
        description: "The name the server's certificate must have, where it is not the URL's host",
        example: "pyroscope.example.com",
      }),
      insecure_skip_verify: optional(flag(), {
        default: false,
        description: "Whether any certificate is accepted; the connection is then open to whoever sits in between",
        example: true,
      }),
      min_version: optional(tlsVersion(), {
        default: "TLS12",
        description: "The least TLS version to accept; on Deno TLS12 or TLS13",
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
    crossCheck(["cert_pem", "key_pem"], ({ cert_pem, key_pem }, report) => {
      if (cert_pem === undefined || key_pem === undefined) return;
      const [own] = certificatesIn(cert_pem).certificates;
      const key = privateKeyIn(key_pem.reveal());
      if (own !== undefined && key !== undefined && !isPair(own, key))
        report(["key_pem"], "key_pem and cert_pem do not belong together; replace both");
    }),
  );
}

export type TlsArguments = v.InferOutput<ReturnType<typeof tlsArguments>>;

function certificates(description: string) {
  const pem = v.pipe(
    text(),
    v.rawCheck(({ dataset, addIssue }) => {
      const problem = dataset.typed ? certificateProblem(dataset.value) : undefined;
      if (problem !== undefined) addIssue({ message: `cannot be used: ${problem}` });
    }),
  );
  return optional(pem, { description, example: "-----BEGIN CERTIFICATE-----…" });
}

/** A PEM text that is never shown; unlike a secret for a header it has several lines. */
function privateKey() {
  return v.pipe(
    v.string(secretProblem),
    v.rawTransform(({ dataset, addIssue, NEVER }): Secret => {
      const problem = privateKeyProblem(dataset.value);
      if (problem === undefined) return new Secret(dataset.value);
      addIssue({ message: `cannot be used: ${problem}` });
      return NEVER;
    }),
    typeName("secret"),
  );
}

function hostName() {
  return v.pipe(
    text(),
    v.check(
      (name) => isIP(name) === 0,
      "must be a host name, because TLS cannot ask for an IP address; put the address into the URL instead",
    ),
  );
}

function tlsVersion() {
  return v.pipe(
    choice(["TLS10", "TLS11", "TLS12", "TLS13"]),
    v.check(
      (version) => !isDeno || version === "TLS12" || version === "TLS13",
      "cannot be carried out on Deno, which speaks TLS 1.2 and 1.3 only; set TLS12, or run the agent's binary",
    ),
  );
}

function file(description: string, example: string) {
  return optional(filePath(), { description, example });
}
