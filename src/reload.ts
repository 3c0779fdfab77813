import { AgentError, type Clock, errorMessage } from "./base/index.ts";
import type { ComponentConfig } from "./component/index.ts";
import { ConfigError, type ConfigProblem, renderProblem, type Settings } from "./config/index.ts";
import { sameArguments } from "./schema/index.ts";
import type { Logger, Metrics } from "./observability/index.ts";
import { createReloadMetrics, type ReloadMetrics } from "./reload-metrics.ts";
import type { ConfigStatus, ReloadRefusal, ReloadResult } from "./server/index.ts";

/** What the agent needs of a loaded configuration. */
export interface AgentConfig extends Settings {
  readonly components: readonly ComponentConfig[];
  /** Tells one configuration from another; shown in a metric and on the page, so nothing secret may be told from it. */
  readonly hash: string;
  /** What is legal but probably not meant. */
  readonly warnings: readonly string[];
}

export interface ReloaderOptions {
  /** Reads and checks the configuration anew; absent where there is no file. Rejects with a ConfigError. */
  readonly load?: (() => Promise<AgentConfig>) | undefined;
  /** Carries a configuration out, whole or not at all. Throws AgentError `rejected`. */
  readonly apply: (config: AgentConfig) => void;
  /** Told of every configuration that took effect, for what can refuse none. */
  readonly onApplied?: (config: AgentConfig) => void;
  /** Told of a file that cannot be used: what is wrong, by the component at fault. */
  readonly onUnusable: (faults: ReadonlyMap<string, string>) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Aborts when the agent stops: no configuration takes effect from then on. */
  readonly signal: AbortSignal;
}

// A file with more is one of another kind; `agent check` prints them all.
const mostProblemsShown = 20;

/** The configuration in force, and the way to another one. One that cannot be used changes nothing. */
export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #metrics: ReloadMetrics;
  /** What the listener and the storage were started with. */
  readonly #started: AgentConfig;
  #config: AgentConfig;
  #status: ConfigStatus;
  #last: Promise<unknown> = Promise.resolve();
  #waiting: Promise<ReloadResult> | undefined;

  /** `config` is in force already. */
  constructor(config: AgentConfig, options: ReloaderOptions) {
    this.#options = options;
    this.#metrics = createReloadMetrics(options.metrics);
    this.#started = config;
    this.#config = config;
    this.#status = { hash: config.hash, generation: 1, loadedMs: options.clock.now(), needsRestart: [] };
    this.#metrics.inForce(this.#status);
    this.#warn(config.warnings);
  }

  get status(): ConfigStatus {
    return this.#status;
  }

  /**
   * Puts what the file says now in force; never rejects: what nobody foresaw is the refusal `internal`. One at a time: those who ask while
   * one is under way share the next, which reads the file after all of them asked. `trigger` tells the log who asked first.
   */
  reload(trigger: string): Promise<ReloadResult> {
    this.#waiting ??= this.#last.then(() => {
      this.#waiting = undefined;
      const attempt = this.#attempt(trigger);
      this.#last = attempt;
      return attempt;
    });
    return this.#waiting;
  }

  async #attempt(trigger: string): Promise<ReloadResult> {
    try {
      return await this.#told(trigger);
    } catch (thrown) {
      const { log } = this.#options;
      log.error("An error inside the agent while the configuration was reloaded", { trigger, err: thrown });
      this.#metrics.attempted("internal");
      return { outcome: "refused", reason: "internal", message: errorMessage(thrown) };
    }
  }

  async #told(trigger: string): Promise<ReloadResult> {
    const result = await this.#result();
    this.#metrics.attempted(result.outcome === "applied" ? "applied" : result.reason);
    if (result.outcome === "applied") this.#logApplied(trigger);
    else this.#logRefused(trigger, result);
    return result;
  }

  async #result(): Promise<ReloadResult> {
    const { load, apply, signal } = this.#options;
    if (!load) return noFile;
    let next: AgentConfig;
    try {
      next = await load();
      if (signal.aborted) return stopping;
      this.#checkIsWhole(next);
      apply(next);
    } catch (thrown) {
      return this.#failed(thrown);
    }
    // From here on it is in force, whatever follows.
    this.#takeEffect(next);
    return { outcome: "applied" };
  }

  /** A file is empty for a moment while it is written anew: nobody stops everything that way. */
  #checkIsWhole({ components }: AgentConfig): void {
    if (components.length > 0 || this.#config.components.length === 0) return;
    throw new AgentError(
      "rejected",
      "The file names no component any more, which would end everything; reload once it is whole, or stop the agent",
    );
  }

  #takeEffect(next: AgentConfig): void {
    this.#status = {
      hash: next.hash,
      generation: this.#status.generation + 1,
      loadedMs: this.#options.clock.now(),
      needsRestart: fixedSettings
        .filter(({ of }) => !sameArguments(of(next), of(this.#started)))
        .map(({ name }) => name),
    };
    this.#metrics.inForce(this.#status);
    this.#warn(next.warnings.filter((warning) => !this.#config.warnings.includes(warning)));
    this.#config = next;
    try {
      this.#options.onApplied?.(next);
    } catch (err) {
      this.#options.log.error("An error inside the agent: the new configuration is in force, but not all of it", {
        err,
      });
    }
  }

  #failed(thrown: unknown): ReloadResult {
    const { onUnusable, clock, log } = this.#options;
    const problems = thrown instanceof ConfigError ? thrown.problems : undefined;
    const reason = reasonOf(thrown);
    // Of a refusal the components have been told by whoever carried it out.
    if (reason !== "rejected") onUnusable(faultsOf(problems ?? []));
    if (reason === "internal") log.error("An error inside the agent", { err: thrown });
    const message = problems ? shown(problems).join("\n") : errorMessage(thrown);
    this.#status = { ...this.#status, failure: { atMs: clock.now(), message } };
    return { outcome: "refused", reason, message: errorMessage(thrown), ...(problems && { problems }) };
  }

  #logApplied(trigger: string): void {
    const { generation, hash, needsRestart } = this.#status;
    const { log } = this.#options;
    log.info("Configuration reloaded", {
      trigger,
      generation,
      sha256: hash,
      components: this.#config.components.length,
    });
    for (const setting of needsRestart) log.warn("A changed setting takes effect after a restart only", { setting });
  }

  #logRefused(trigger: string, { reason, message }: Extract<ReloadResult, { outcome: "refused" }>): void {
    const { log } = this.#options;
    if (reason === "stopping") return;
    if (reason === "no_file") {
      log.warn("Nothing to reload", { trigger, why: message });
      return;
    }
    log.error("Could not reload the configuration, nothing was changed", { trigger, reason });
    for (const problem of this.#status.failure?.message.split("\n") ?? [])
      log.error("What is wrong with the configuration", { problem });
  }

  #warn(warnings: readonly string[]): void {
    for (const warning of warnings) this.#options.log.warn("Probably not meant", { warning });
  }
}

const noFile: ReloadResult = {
  outcome: "refused",
  reason: "no_file",
  message: "The agent runs without a configuration file; restart it with the flags that you want",
};
const stopping: ReloadResult = { outcome: "refused", reason: "stopping", message: "The agent is stopping" };

/** What cannot change while the agent runs. */
const fixedSettings: readonly { readonly name: string; readonly of: (config: AgentConfig) => unknown }[] = [
  { name: "server.listen_address", of: ({ server }) => `${server.host} ${server.port}` },
  { name: "storage.path", of: ({ storage }) => storage.path },
  { name: "cluster", of: ({ cluster }) => cluster },
];

function reasonOf(thrown: unknown): ReloadRefusal {
  if (thrown instanceof ConfigError) return thrown.reason;
  return thrown instanceof AgentError && thrown.reason === "rejected" ? "rejected" : "internal";
}

/** What each component is to say of its table. */
function faultsOf(problems: readonly ConfigProblem[]): ReadonlyMap<string, string> {
  const faults = new Map<string, string[]>();
  for (const { component, key, message } of problems)
    if (component !== undefined) faults.set(component, [...(faults.get(component) ?? []), `${key}: ${message}`]);
  return new Map(
    [...faults].map(([id, found]) => [
      id,
      `Its configuration could not be reloaded: ${found.slice(0, mostProblemsShown).join("; ")}`,
    ]),
  );
}

function shown(problems: readonly ConfigProblem[]): readonly string[] {
  const left = problems.length - mostProblemsShown;
  const lines = problems.slice(0, mostProblemsShown).map(renderProblem);
  return left > 0 ? [...lines, `and ${left} more, which "agent check" prints`] : lines;
}
