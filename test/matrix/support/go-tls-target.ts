import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildGoTarget } from "../../e2e/go-target.ts";
import type { Certificate } from "../../support/certificates.ts";
import { startChild } from "../../support/child.ts";

/** The Go program of the end-to-end tests, serving over TLS as net/http does it: HTTP/2 where the client speaks it. */
export interface GoTlsTarget {
  /** `127.0.0.1:port` */
  readonly address: string;
  close(): Promise<void>;
}

export async function startGoTlsTarget({ cert, key }: Certificate): Promise<GoTlsTarget> {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-go-tls-"));
  const [certFile, keyFile] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  const child = startChild([await buildGoTarget(), "-tls-cert", certFile, "-tls-key", keyFile]);
  const [, address = ""] = await child.waitFor(/^(\S+:\d+)$/m);
  return {
    address,
    close: async () => {
      await child.stop("SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
