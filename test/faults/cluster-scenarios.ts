import process from "node:process";
import { join } from "node:path";
import { EtcdServer } from "../cluster/etcd-server.ts";
import { type Agent, startAgain, startAgent } from "../e2e/agent.ts";
import { type Child, eventually, startChild } from "../support/child.ts";
import { type OwnershipFigures, OwnershipWatch } from "./ownership-watch.ts";

export interface ClusterOptions {
  readonly targets: number;
  readonly ttlSeconds: number;
  /** How long etcd is down. */
  readonly outageSeconds: number;
  readonly intervalSeconds: number;
}

export interface ClusterFindings extends OwnershipFigures {
  readonly name: string;
  /** What has to move because a member came or went, and no more. */
  readonly minimum: number;
}

/** Agents and targets on one etcd, which go through one thing after the other. */
export class ClusterWorld {
  readonly #options: ClusterOptions;
  readonly #etcd: EtcdServer;
  readonly #targets: Child;
  readonly #watch: OwnershipWatch;
  readonly #addresses: readonly string[];
  readonly #agents = new Map<string, Agent>();

  private constructor(options: ClusterOptions, running: { etcd: EtcdServer; targets: Child; port: string }) {
    this.#options = options;
    this.#etcd = running.etcd;
    this.#targets = running.targets;
    this.#addresses = Array.from(
      { length: options.targets },
      (_, at) => `127.2.${at >> 8}.${at & 255}:${running.port}`,
    );
    this.#watch = new OwnershipWatch(this.#addresses);
  }

  static async start(options: ClusterOptions): Promise<ClusterWorld> {
    const targets = startChild([process.execPath, join(import.meta.dirname, "targets.ts")]);
    const [, port = ""] = await targets.waitFor(/listening on (\d+)/);
    return new ClusterWorld(options, { etcd: await EtcdServer.start(), targets, port });
  }

  /** Everything that is asked for, in turn, told to `report` as it ends. */
  async run(report: (findings: ClusterFindings) => void): Promise<void> {
    const { ttlSeconds, outageSeconds } = this.#options;
    const [ttlMs, settleMs] = [ttlSeconds * 1000, ttlSeconds * 600];
    for (const name of ["a", "b"]) await this.#join(name);
    await this.untilSettled();
    const scenario = async (
      name: string,
      { forMs, mover, act }: { forMs: number; mover?: "comes" | "goes"; act: () => Promise<void> },
    ): Promise<void> => {
      const before = await this.#shareOf("c");
      const figures = await this.#watch.during(forMs, act);
      const minimum = mover === "comes" ? (figures.shares.c ?? 0) : mover === "goes" ? before : 0;
      report({ name, minimum, ...figures });
    };
    await scenario("join", { forMs: settleMs, mover: "comes", act: () => this.#join("c") });
    await scenario("clean leave", { forMs: settleMs, mover: "goes", act: () => this.#end("c", "SIGTERM") });
    await scenario("join again", { forMs: settleMs, mover: "comes", act: () => this.#join("c") });
    await scenario("killed", { forMs: ttlMs + settleMs, mover: "goes", act: () => this.#end("c", "SIGKILL") });
    await scenario("back after that", { forMs: settleMs, mover: "comes", act: () => this.#join("c") });
    await scenario("killed and started again at once", { forMs: ttlMs + settleMs, act: () => this.#restart("c") });
    await scenario(`engine killed for ${outageSeconds} s`, {
      forMs: outageSeconds * 1000 + 2 * ttlMs,
      act: () => this.#withoutEtcd(outageSeconds * 1000),
    });
    await scenario(`stopped for ${1.5 * ttlSeconds} s (SIGSTOP)`, {
      forMs: 2.5 * ttlMs,
      act: () => this.#suspended("c", 1.5 * ttlMs),
    });
  }

  /** Until every target has one owner, and every agent some of them. */
  async untilSettled(): Promise<void> {
    await eventually("every target has one owner", async () => {
      const owners = [...(await this.#watch.owners()).values()];
      const isWhole = owners.length === this.#addresses.length && owners.every(({ length }) => length === 1);
      return isWhole && new Set(owners.flat()).size === this.#agents.size ? true : undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents.values()) await agent[Symbol.asyncDispose]();
    await this.#etcd[Symbol.asyncDispose]();
    await this.#targets.stop("SIGKILL");
  }

  async #join(name: string): Promise<void> {
    const former = this.#agents.get(name);
    const agent = former ? await startAgain(former) : await startAgent(this.#config(name));
    this.#agents.set(name, agent);
    this.#watch.add(name, agent);
  }

  async #end(name: string, signal: NodeJS.Signals): Promise<void> {
    await this.#agents.get(name)?.child.stop(signal);
    this.#watch.remove(name);
  }

  async #restart(name: string): Promise<void> {
    await this.#end(name, "SIGKILL");
    await this.#join(name);
  }

  async #withoutEtcd(forMs: number): Promise<void> {
    await this.#etcd.stop("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, forMs));
    await this.#etcd.start();
  }

  async #suspended(name: string, forMs: number): Promise<void> {
    const { pid } = (this.#agents.get(name) as Agent).child;
    this.#watch.pause(name, true);
    process.kill(pid, "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, forMs));
    process.kill(pid, "SIGCONT");
    this.#watch.pause(name, false);
  }

  async #shareOf(name: string): Promise<number> {
    return [...(await this.#watch.owners()).values()].filter((names) => names.includes(name)).length;
  }

  #config(name: string): string {
    const { ttlSeconds, intervalSeconds } = this.#options;
    const list = this.#addresses.map((address) => `  { __address__ = "${address}" },`);
    return `
[cluster]
node_name = "${name}"
ttl = "${ttlSeconds}s"
[cluster.etcd]
endpoints = ["${this.#etcd.url}"]

[pyroscope.scrape.targets]
clustering = { enabled = true }
forward_to = ["pyroscope.store.local"]
scrape_interval = "${intervalSeconds}s"
targets = [
${list.join("\n")}
]
[pyroscope.scrape.targets.profiling_config.profile]
process_cpu.enabled = false
memory.enabled = false
block.enabled = false
mutex.enabled = false

[pyroscope.store.local]
`;
  }
}
