import { limits } from "../../base/index.ts";
import type { Logger } from "../../observability/index.ts";
import { createWatchedFile, type WatchedFile } from "../watched-file.ts";
import { certificateProblem, privateKeyProblem } from "./pem.ts";
import type { TlsArguments } from "./tls-arguments.ts";

/** The files of a `tls_config`; those that it does not name are missing. */
export interface TlsFiles {
  readonly ca: WatchedFile | undefined;
  readonly cert: WatchedFile | undefined;
  readonly key: WatchedFile | undefined;
}

/** Nothing is read yet. */
export function createTlsFiles({ ca_file, cert_file, key_file }: Partial<TlsArguments>, log: Logger): TlsFiles {
  const watch = (path: string | undefined, what: string, problemOf: (text: string) => string | undefined) =>
    path === undefined
      ? undefined
      : createWatchedFile(path, { maxBytes: limits.tlsFileBytes, log, what, reason: "tls", problemOf });
  return {
    ca: watch(ca_file, "certificate authorities", certificateProblem),
    cert: watch(cert_file, "client certificate", certificateProblem),
    key: watch(key_file, "client key", privateKeyProblem),
  };
}
