import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Child, eventually, startChild } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { requireProgram } from "../matrix/support/require-program.ts";

export const etcdProgram = requireProgram("etcd");

/** A real etcd with its own data, which keeps it while it is stopped. */
export class EtcdServer {
  readonly url: string;
  readonly #directory = mkdtempSync(join(tmpdir(), "pprof-agent-etcd-"));
  readonly #peerUrl: string;
  #child: Child | undefined;

  private constructor(port: number, peerPort: number) {
    this.url = `http://127.0.0.1:${port}`;
    this.#peerUrl = `http://127.0.0.1:${peerPort}`;
  }

  static async start(): Promise<EtcdServer> {
    const server = new EtcdServer(await freePort(), await freePort());
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const flags = {
      "data-dir": this.#directory,
      "log-level": "error",
      "listen-client-urls": this.url,
      "advertise-client-urls": this.url,
      "listen-peer-urls": this.#peerUrl,
      "initial-advertise-peer-urls": this.#peerUrl,
      "initial-cluster": `default=${this.#peerUrl}`,
    };
    const command = [etcdProgram ?? "etcd", ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)];
    this.#child = startChild(command);
    await eventually("etcd answers", async () => {
      const answer = await fetch(`${this.url}/health`).catch(() => undefined);
      return answer?.ok || undefined;
    });
  }

  /** Stops it as a power cut does, or in order. */
  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    await this.#child?.stop(signal);
    this.#child = undefined;
  }

  /** As a new one that knows nothing, at the same address. */
  async restartEmpty(): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
    await this.start();
  }

  /** Suspends or resumes the process: connections stay and nothing is answered. */
  signal(name: "SIGSTOP" | "SIGCONT"): void {
    if (this.#child) process.kill(this.#child.pid, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
