import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentCommand } from "../e2e/agent.ts";
import { type Child, eventually, startChild } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { type Metric, parseMetrics, sumOf } from "../support/parse-metrics.ts";

/** A profile that the agent said it has taken responsibility for. */
export interface Accepted {
  readonly id: string;
  readonly url: string;
  readonly type: string;
  /** When it said so, by the agent's clock, which is this machine's. */
  readonly atMs: number;
}

/** The agent over all its starts in one scenario. */
export class AgentUnderFaults {
  /** By id, over all starts. */
  readonly accepted = new Map<string, Accepted>();
  /** Everything it logged at warn and above, for whoever looks at a failure. */
  readonly said: string[] = [];
  /** Ids of profiles that it said it dropped. */
  readonly named = new Set<string>();
  /** When it was killed. */
  readonly killedAtMs: number[] = [];
  /** Profiles that it counted as dropped, by reason, over all starts that ended in order. */
  readonly dropped = new Map<string, number>();
  readonly directory = mkdtempSync(join(tmpdir(), "pprof-agent-faults-"));
  starts = 0;
  #child: Child | undefined;
  #listenAddress = "";
  #read = 0;
  readonly #storage: string;

  constructor({ storage = "data" }: { storage?: string } = {}) {
    this.#storage = storage;
  }

  get storage(): string {
    return join(this.directory, this.#storage);
  }

  /** Of its listener. */
  get url(): string {
    return `http://${this.#listenAddress}`;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  configure(config: string): void {
    writeFileSync(join(this.directory, "agent.toml"), `storage.path = "${this.#storage}"\n${config}`);
  }

  async start(): Promise<void> {
    this.#listenAddress = `127.0.0.1:${await freePort()}`;
    const flags = ["--listen", this.#listenAddress, "--log-level", "debug", "--log-format", "json"];
    const config = join(this.directory, "agent.toml");
    this.#read = 0;
    const child = startChild([...agentCommand, "run", "--config", config, ...flags], { cwd: this.directory });
    this.#child = child;
    this.starts += 1;
    await eventually("the agent is ready", async () => {
      const response = await fetch(`http://${this.#listenAddress}/-/ready`).catch(() => undefined);
      return response?.ok || undefined;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${child.output().slice(-4000)}`);
    });
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.killedAtMs.push(Date.now());
    await child.stop("SIGKILL");
    this.look();
    this.#child = undefined;
  }

  /** SIGTERM; resolves with how long it took. */
  async stop(): Promise<{ exit: number | NodeJS.Signals; tookMs: number }> {
    const child = this.#child;
    if (!child) return { exit: 0, tookMs: 0 };
    this.countDrops(await this.metrics());
    const ended = await child.stop("SIGTERM");
    this.look();
    this.#child = undefined;
    return ended;
  }

  async metrics(): Promise<readonly Metric[]> {
    return parseMetrics(await (await fetch(`http://${this.#listenAddress}/metrics`)).text());
  }

  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sumOf(await this.metrics(), { name, labels });
  }

  countDrops(metrics: readonly Metric[]): void {
    for (const { name, labels, value } of metrics) {
      if (name !== "pyroscope_write_dropped_profiles_total" || value === 0) continue;
      const reason = labels.reason ?? "";
      this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + value);
    }
  }

  /** Resolves once nothing waits any more, in memory or on disk. */
  untilDelivered(timeoutMs: number): Promise<void> {
    return eventually(
      "everything is delivered",
      async () => {
        const metrics = await this.metrics();
        const waiting = ["pyroscope_write_queue_profiles", "pyroscope_write_spool_records"].map((name) =>
          sumOf(metrics, { name, labels: {} }),
        );
        return waiting.every((count) => count === 0) || undefined;
      },
      timeoutMs,
    ).then(() => undefined);
  }

  /** Takes in what the agent logged since the last look. */
  look(): void {
    const text = this.#child?.stderr() ?? "";
    const end = text.lastIndexOf("\n") + 1;
    for (const line of text.slice(this.#read, end).split("\n")) if (line.startsWith("{")) this.#take(line);
    this.#read = Math.max(this.#read, end);
  }

  #take(line: string): void {
    const { ts = "", level, msg, id = "", url = "", type = "" } = JSON.parse(line) as Record<string, string>;
    if (msg === "Profile handed on") this.accepted.set(id, { id, url, type, atMs: Date.parse(ts) });
    if (msg === "Profile dropped") this.named.add(id);
    if (level === "warn" || level === "error") this.said.push(line);
  }

  dispose(): void {
    void this.#child?.stop("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}
