import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentCommand } from "../e2e/agent.ts";
import { type Child, eventually, startChild } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { type Metric, parseMetrics, sumOf } from "../support/parse-metrics.ts";
import { AgentLog, type DroppedTogether } from "./agent-log.ts";
import { segmentsIn } from "./spool-files.ts";
import { type Seen, SpoolWatch } from "./spool-watch.ts";

const lookEveryMs = 250;

/** The agent over all its starts in one scenario. */
export class AgentUnderFaults {
  readonly log = new AgentLog();
  /** When it was killed. */
  readonly killedAtMs: number[] = [];
  /** Profiles that it counted as dropped, by endpoint and reason, over all starts that ended in order. */
  readonly counted: DroppedTogether[] = [];
  readonly directory = mkdtempSync(join(tmpdir(), "pprof-agent-faults-"));
  starts = 0;
  #child: Child | undefined;
  #listenAddress = "";
  #read = 0;
  readonly #storage: string;
  readonly #watch: SpoolWatch;
  readonly #looking: ReturnType<typeof setInterval>;

  constructor({ storage = "data" }: { storage?: string } = {}) {
    this.#storage = storage;
    this.#watch = new SpoolWatch(this.storage);
    this.#looking = setInterval(() => this.#watch.look(), lookEveryMs);
  }

  /** What it wrote to disk, in order. */
  get stored(): readonly Seen[] {
    return this.#watch.records;
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

  /** SIGHUP; resolves with what came of it. */
  async reload(): Promise<"applied" | "refused"> {
    this.look();
    const before = this.log.reloads.length;
    this.signal("SIGHUP");
    return eventually("the configuration is reloaded", () => {
      this.look();
      return this.log.reloads[before]?.outcome;
    });
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
      this.counted.push({ endpoint: labels.endpoint ?? "", reason: labels.reason ?? "", profiles: value });
    }
  }

  /** Profiles on disk that somebody wants, as the harness reads it: the agent knows of none until it has read its log. */
  get left(): number {
    return segmentsIn(this.storage).reduce((sum, { wanted }) => sum + wanted.size, 0);
  }

  /** Resolves once nothing waits any more, in memory or on disk; for one endpoint, where one is named. */
  untilDelivered(timeoutMs: number, endpoint?: string): Promise<void> {
    const labels = endpoint === undefined ? {} : { endpoint };
    return eventually(
      "everything is delivered",
      async () => {
        const metrics = await this.metrics();
        const waiting = ["pyroscope_write_queue_profiles", "pyroscope_write_spool_records"].map((name) =>
          sumOf(metrics, { name, labels }),
        );
        if (waiting.some((count) => count > 0)) return undefined;
        return endpoint !== undefined || this.left === 0 || undefined;
      },
      timeoutMs,
    ).then(() => undefined);
  }

  /** Takes in what the agent logged since the last look. */
  look(): void {
    const text = this.#child?.stderr() ?? "";
    const end = text.lastIndexOf("\n") + 1;
    for (const line of text.slice(this.#read, end).split("\n")) if (line.startsWith("{")) this.log.take(line);
    this.#read = Math.max(this.#read, end);
  }

  dispose(): void {
    clearInterval(this.#looking);
    void this.#child?.stop("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }
}
