import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startChild } from "../../support/child.ts";
import { freePort } from "../../support/free-port.ts";
import { recordingPath } from "../../support/recordings.ts";
import { requireProgram } from "./require-program.ts";

/** The command, `undefined` where there is none: its tests are to be skipped. */
export const caddyProgram = requireProgram("caddy");

/** A line of the access log, as far as tests look at it. */
export interface CaddyRequest {
  readonly uri: string;
  readonly status: number;
  /** `HTTP/1.1`, `HTTP/2.0` */
  readonly protocol: string;
}

export interface Caddy<Name extends string> {
  readonly ports: Readonly<Record<Name, number>>;
  requests(): readonly CaddyRequest[];
  [Symbol.asyncDispose](): Promise<void>;
}

export interface CaddyOptions<Name extends string> {
  /** The directives of each site, which has a port of its own on 127.0.0.1. */
  readonly sites: Readonly<Record<Name, string>>;
  /** Written into its directory, to which paths in directives are relative. */
  readonly files: Readonly<Record<string, string>>;
}

/** Directives that answer with a recorded goroutine profile. */
export const goroutineSite = `
  root * ${dirname(recordingPath("goroutine", 1))}
  rewrite /debug/pprof/goroutine /goroutine.1.pb.gz
  file_server`;

/** Starts a Caddy of its own: a Go server, which ends a handshake by an alert where nginx answers 400. */
export async function startCaddy<Name extends string>({ sites, files }: CaddyOptions<Name>): Promise<Caddy<Name>> {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-caddy-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const ports: Record<string, number> = {};
  const blocks: string[] = [];
  for (const [name, directives] of Object.entries<string>(sites)) {
    const port = await freePort();
    ports[name] = port;
    blocks.push(`https://:${port} {\n  bind 127.0.0.1\n  log {\n    output file access.log\n  }\n${directives}\n}`);
  }
  writeFileSync(
    join(directory, "Caddyfile"),
    `{\n  admin off\n  auto_https off\n  storage file_system storage\n  servers {\n    strict_sni_host insecure_off\n  }\n}\n${blocks.join("\n")}\n`,
  );
  const command = [caddyProgram ?? "caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"];
  const home = { HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
  const child = startChild(command, { cwd: directory, env: home });
  const close = async (): Promise<void> => {
    await child.stop("SIGTERM");
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await child.waitFor(/serving initial configuration/);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ports: ports as Record<Name, number>,
    requests: () => requestsOf(readFileSync(join(directory, "access.log"), "utf8")),
    [Symbol.asyncDispose]: close,
  };
}

function requestsOf(log: string): readonly CaddyRequest[] {
  // The last line may be in the middle of being written.
  const lines = log.slice(0, log.lastIndexOf("\n") + 1).split("\n");
  return lines
    .filter((line) => line !== "")
    .map((line) => {
      const { request, status } = JSON.parse(line) as { request: { uri: string; proto: string }; status: number };
      return { uri: request.uri, status, protocol: request.proto };
    });
}
