import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../support/free-port.ts";
import { startListening } from "./listening-program.ts";
import { requireProgram } from "./require-program.ts";

/** The command, `undefined` where there is none: its tests are to be skipped. */
export const tinyproxyProgram = requireProgram("tinyproxy");

export interface Tinyproxy {
  /** `127.0.0.1:port` */
  readonly address: string;
  /** The request lines that came: `CONNECT 127.0.0.1:443 HTTP/1.1`. */
  requestLines(): readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts tinyproxy; with `user` it asks for basic authentication. */
export async function startTinyproxy({
  user,
}: {
  readonly user?: readonly [name: string, password: string];
} = {}): Promise<Tinyproxy> {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-tinyproxy-"));
  const port = await freePort();
  const file = join(directory, "tinyproxy.conf");
  const lines = [
    `Port ${port}`,
    "Listen 127.0.0.1",
    "Allow 127.0.0.1",
    "MaxClients 100",
    "LogLevel Connect",
    ...(user ? [`BasicAuth ${user.join(" ")}`] : []),
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  // -d: stays in the foreground and logs to stdout.
  const running = await startListening([tinyproxyProgram ?? "tinyproxy", "-d", "-c", file], { port });
  return {
    address: `127.0.0.1:${port}`,
    requestLines: () =>
      [...running.output().matchAll(/Request \(file descriptor \d+\): (.+)/g)].map(([, line = ""]) => line),
    [Symbol.asyncDispose]: async () => {
      await running.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
