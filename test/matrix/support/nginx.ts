import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Child, eventually, startChild } from "../../support/child.ts";
import { freePort } from "../../support/free-port.ts";
import { recordingPath } from "../../support/recordings.ts";
import { requireProgram } from "./require-program.ts";

/** The command, `undefined` where there is none: its tests are to be skipped. */
export const nginxProgram = requireProgram("nginx");

/** One `server` block; files in it are relative to nginx's directory. */
export interface NginxServer {
  /** Several blocks with different `server_name` may stand at one port. By default every block has its own. */
  readonly port?: number;
  /** What stands behind the port in `listen`: `ssl http2`. */
  readonly listen?: string;
  readonly block: string;
}

/** A line of the access log, as far as tests look at it; what a request did not have is empty. */
export interface NginxRequest {
  readonly port: string;
  readonly method: string;
  readonly uri: string;
  readonly status: string;
  /** `HTTP/1.1`, `HTTP/2.0` */
  readonly protocol: string;
  readonly authorization: string;
  readonly site: string;
  /** `TLSv1.3` */
  readonly tls: string;
  readonly sni: string;
  /** Subject and issuer of the client's certificate, and whether it was trusted: `SUCCESS`, `NONE`, `FAILED:why`. */
  readonly clientSubject: string;
  readonly clientIssuer: string;
  readonly clientVerify: string;
}

export interface Nginx<Name extends string> {
  readonly ports: Readonly<Record<Name, number>>;
  readonly directory: string;
  /** Every request that was answered so far. */
  requests(): readonly NginxRequest[];
  /** Reads configuration and certificates again, and resolves once the worker with the old ones has ended. */
  reload(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface NginxOptions<Name extends string> {
  readonly servers: Readonly<Record<Name, NginxServer>>;
  /** Written into its directory: certificates, keys, password files. */
  readonly files?: Readonly<Record<string, string>>;
}

/** A location that answers with a recorded goroutine profile. */
export const goroutineLocation = `location = /debug/pprof/goroutine { alias ${recordingPath("goroutine", 1)}; }`;

const logFormat = `'{"port":"$server_port","method":"$request_method","uri":"$request_uri","status":"$status",'
    '"protocol":"$server_protocol","authorization":"$http_authorization","site":"$http_x_site","tls":"$ssl_protocol",'
    '"sni":"$ssl_server_name","clientSubject":"$ssl_client_s_dn","clientIssuer":"$ssl_client_i_dn",'
    '"clientVerify":"$ssl_client_verify"}'`;

/** Starts an nginx of its own on 127.0.0.1, with its files in a new directory; resolves when every port takes connections. */
export async function startNginx<Name extends string>(options: NginxOptions<Name>): Promise<Nginx<Name>> {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-nginx-"));
  for (const name of ["temporary", "logs"]) mkdirSync(join(directory, name));
  for (const [name, text] of Object.entries(options.files ?? {})) writeFileSync(join(directory, name), text);
  const servers: [string, NginxServer & { port: number }][] = [];
  for (const [name, server] of Object.entries<NginxServer>(options.servers))
    servers.push([name, { ...server, port: server.port ?? (await freePort()) }]);
  writeFileSync(join(directory, "nginx.conf"), configuration(servers.map(([, server]) => server)));

  const child = startChild([nginxProgram ?? "nginx", "-p", directory, "-c", join(directory, "nginx.conf")]);
  const close = async (): Promise<void> => {
    await child.stop("SIGTERM");
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    for (const [, { port }] of servers) await untilListening(child, port);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ports: Object.fromEntries(servers.map(([name, { port }]) => [name, port])) as Record<Name, number>,
    directory,
    requests: () => requestsOf(readFileSync(join(directory, "logs", "access.log"), "utf8")),
    reload: () => reload(child),
    [Symbol.asyncDispose]: close,
  };
}

function configuration(servers: readonly (NginxServer & { port: number })[]): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (of) => `  ${of}_temp_path temporary/${of};`,
  );
  return `
${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
${temporary.join("\n")}
  log_format matrix escape=json ${logFormat};
  access_log logs/access.log matrix;
  client_max_body_size 64m;
${servers.map(({ port, listen = "", block }) => `  server {\n    listen 127.0.0.1:${port} ${listen};\n${block}\n  }`).join("\n")}
}
`;
}

function requestsOf(log: string): readonly NginxRequest[] {
  // The last line may be in the middle of being written.
  const lines = log.slice(0, log.lastIndexOf("\n") + 1).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as NginxRequest);
}

async function untilListening(child: Child, port: number): Promise<void> {
  let ended = false;
  const end = (): void => void (ended = true);
  child.ended.then(end, end);
  await eventually(`nginx listens on ${port}`, async () => {
    if (ended) throw new Error(`nginx ended at once:\n${child.output()}`);
    return (await takesConnections(port)) || undefined;
  });
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
}

async function reload(child: Child): Promise<void> {
  // Not when a worker says that it begins to end: it may still take a connection.
  const ended = (): number => [...child.output().matchAll(/worker process \d+ exited with code/g)].length;
  const before = ended();
  process.kill(child.pid, "SIGHUP");
  await eventually("nginx has reloaded", () => {
    if (/\[emerg\]/.test(child.output())) throw new Error(`nginx cannot reload:\n${child.output()}`);
    return ended() > before || undefined;
  });
}
