import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Certificate } from "../../support/certificates.ts";
import { freePort } from "../../support/free-port.ts";
import { startListening } from "./listening-program.ts";
import { requireProgram } from "./require-program.ts";

/** The command, `undefined` where there is none: its tests are to be skipped. */
export const squidProgram = requireProgram("squid");

export interface SquidOptions {
  /** Asks for basic authentication. */
  readonly users?: Readonly<Record<string, string>>;
  /** Listens for TLS too. */
  readonly tls?: Certificate;
  /** Names that only this proxy can resolve. */
  readonly hosts?: Readonly<Record<string, string>>;
}

export interface Squid {
  /** `127.0.0.1:port`, plain. */
  readonly address: string;
  /** `127.0.0.1:port`, TLS; nobody listens there without `tls`. */
  readonly tlsAddress: string;
  /**
   * Every request so far, a tunnel when it was closed: `CONNECT 127.0.0.1:443 200 tls edge 7`. Behind the status stand how it came
   * (`plain` or `tls`), the user, and the header `X-Site`; `-` is none.
   */
  log(): readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Whether it was built to listen for TLS (https_port), which Debian's `squid` is not and its `squid-openssl` is. */
export const squidSpeaksTls =
  squidProgram !== undefined && execFileSync(squidProgram, ["-v"], { encoding: "utf8" }).includes("with-openssl");

if (squidProgram !== undefined && !squidSpeaksTls)
  console.warn("Tests of https proxies are skipped: this squid cannot speak TLS (Debian: squid-openssl)");

/** Starts squid, which forwards everything to everywhere and keeps nothing. */
export async function startSquid(options: SquidOptions = {}): Promise<Squid> {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-squid-"));
  // Started by root, squid becomes another user, who has to write the log.
  chmodSync(directory, 0o777);
  const [port, tlsPort] = [await freePort(), await freePort()];
  writeFileSync(join(directory, "squid.conf"), configuration({ ...options, directory, port, tlsPort }));
  writeFileSync(join(directory, "hosts"), hostsFile(options.hosts ?? {}));
  writeFileSync(join(directory, "users"), passwordFile(options.users ?? {}));
  writeFileSync(join(directory, "tls.pem"), options.tls ? options.tls.key + options.tls.cert : "");
  // The name is that of its shared memory too, over which two squids of one name fail when they start at the same time.
  const name = `agent${port}`;
  const command = [squidProgram ?? "squid", "-N", "-n", name, "-f", join(directory, "squid.conf")];
  const running = await startListening(command, { port });
  return {
    address: `127.0.0.1:${port}`,
    tlsAddress: `127.0.0.1:${tlsPort}`,
    log: () =>
      readFileSync(join(directory, "access.log"), "utf8")
        .split("\n")
        .map((line) => line.replace(` ${port} `, " plain ").replace(` ${tlsPort} `, " tls ")),
    [Symbol.asyncDispose]: async () => {
      await running.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

interface Configuration extends SquidOptions {
  readonly directory: string;
  readonly port: number;
  readonly tlsPort: number;
}

function configuration({ directory, port, tlsPort, users, tls }: Configuration): string {
  return `
http_port 127.0.0.1:${port}
${tls ? `https_port 127.0.0.1:${tlsPort} tls-cert=${directory}/tls.pem` : ""}
logformat matrix %rm %ru %>Hs %>lp %un %{X-Site}>h
access_log stdio:${directory}/access.log logformat=matrix
strip_query_terms off
cache_log /dev/null
cache deny all
cache_mem 0
pid_filename none
netdb_filename none
coredump_dir ${directory}
hosts_file ${directory}/hosts
visible_hostname squid.test
max_filedescriptors 1024
shutdown_lifetime 0 seconds
${users ? authentication(directory) : "http_access allow all"}
`;
}

function authentication(directory: string): string {
  return `
auth_param basic program /usr/lib/squid/basic_ncsa_auth ${directory}/users
auth_param basic children 1
auth_param basic realm proxy
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
`;
}

function hostsFile(hosts: Readonly<Record<string, string>>): string {
  return Object.entries(hosts)
    .map(([name, address]) => `${address} ${name}\n`)
    .join("");
}

function passwordFile(users: Readonly<Record<string, string>>): string {
  return Object.entries(users)
    .map(([name, password]) => `${name}:${createHash("md5").update(password).digest("hex")}\n`)
    .join("");
}
