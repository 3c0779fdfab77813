import type { GenericSchema } from "valibot";
import { aborted, type Clock } from "../../base/index.ts";
import {
  type Component,
  type ComponentContext,
  type ComponentKind,
  type DebugInfo,
  Reference,
  TargetInputs,
} from "../../component/index.ts";
import { createHttpClient, type HttpClient, httpArgumentsOf } from "../../http/index.ts";
import type { Appender, PlannedScrape, Target, TargetSource } from "../../model/index.ts";
import { prepareRules } from "../../relabel/index.ts";
import { sameArguments } from "../../schema/index.ts";
import { type ScrapeArguments, scrapeArguments } from "./arguments.ts";
import { type BaselineTable, createBaselineTable } from "./baselines.ts";
import { createCpuSlots, type CpuSlots } from "./cpu-slots.ts";
import { createClockLog } from "./clock-log.ts";
import { createFailureLog } from "./failure-log.ts";
import { explainTarget } from "./explain-target.ts";
import { fanOut } from "./fan-out.ts";
import { Turns } from "./in-turns.ts";
import { literalTargets } from "./literal-targets.ts";
import { collectTargetGauges, createScrapeMetrics, type ScrapeMetrics, showBaselines } from "./metrics.ts";
import { type PlanOptions, planScrapes } from "./plan.ts";
import type { Terms } from "./scrape-loop.ts";
import { ScrapeManager } from "./scrape-manager.ts";
import { scrapeWarnings } from "./warnings.ts";

/** What differs between `pyroscope.scrape` and the older `phlare.scrape`. */
export interface ScrapeKindOptions {
  readonly name: string;
  readonly summary: string;
  readonly schema: GenericSchema<unknown, ScrapeArguments>;
  readonly metricPrefix: string;
  readonly infersServiceName: boolean;
}

/** State that all scrape components of the process share. */
export interface SharedScrapeState {
  readonly cpuSlots: CpuSlots;
  readonly baselines: BaselineTable;
  readonly turns: Turns;
}

export function createSharedScrapeState(clock: Clock): SharedScrapeState {
  return { cpuSlots: createCpuSlots(clock), baselines: createBaselineTable(clock), turns: new Turns(clock) };
}

/** The kind `pyroscope.scrape` (seed 002), or another one with the same loop. */
export function createScrapeKind(
  shared: SharedScrapeState,
  options: ScrapeKindOptions = pyroscopeScrape,
): ComponentKind<ScrapeArguments> {
  const { name, summary, schema, infersServiceName } = options;
  return {
    name,
    summary,
    schema,
    prepare: prepareRules,
    literalTargets,
    explainTarget: (id, args, target) => explainTarget(target, { id, args, infersServiceName }),
    plan: (id, args, found = []): readonly PlannedScrape[] =>
      planScrapes([...literalTargets(args), ...found], { id, args, infersServiceName }).scrapes,
    warnings: (id, args, written) => scrapeWarnings({ id, args, infersServiceName, written }),
    sharesTargets: (args) => args.clustering?.enabled === true,
    create: (args, context) => new ScrapeComponent(args, { context, shared, options }),
  };
}

const pyroscopeScrape: ScrapeKindOptions = {
  name: "pyroscope.scrape",
  summary: "Scrapes pprof profiles of every enabled type from targets over HTTP and hands them to receivers.",
  schema: scrapeArguments,
  metricPrefix: "pyroscope",
  infersServiceName: true,
};

interface ScrapeComponentOptions {
  readonly context: ComponentContext;
  readonly shared: SharedScrapeState;
  readonly options: ScrapeKindOptions;
}

class ScrapeComponent implements Component<ScrapeArguments> {
  readonly exports = {};
  #args: ScrapeArguments;
  #terms: Terms;
  /** What the manager scrapes with: where a reload is refused for another component, it is what this one goes back to. */
  #synced: { readonly args: ScrapeArguments; readonly client: HttpClient };
  #sources: readonly TargetSource[] = [];
  readonly #inputs: TargetInputs;
  #stopSharing: () => void = () => {};
  #isRunning = false;
  #isSyncDue = false;
  readonly #context: ComponentContext;
  readonly #options: ScrapeKindOptions;
  readonly #metrics: ScrapeMetrics;
  readonly #baselines: BaselineTable;
  readonly #manager: ScrapeManager;

  constructor(args: ScrapeArguments, { context, shared, options }: ScrapeComponentOptions) {
    const { id, clock, log, metrics, userAgent } = context;
    this.#args = args;
    this.#context = context;
    this.#options = options;
    this.#metrics = createScrapeMetrics(metrics, { prefix: options.metricPrefix, id });
    this.#baselines = shared.baselines;
    this.#inputs = new TargetInputs({ clock, changed: () => this.#syncSoon() });
    this.#terms = this.#termsOf(args, createHttpClient({ args, clock, log }));
    this.#synced = { args, client: this.#terms.client };
    this.#manager = new ScrapeManager({
      componentId: id,
      baselines: shared.baselines,
      clock,
      log,
      metrics: this.#metrics,
      failures: createFailureLog(log, clock),
      clocks: createClockLog(log),
      cpuSlots: shared.cpuSlots,
      turns: shared.turns,
      headers: { "user-agent": userAgent },
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { id, metrics } = this.#context;
    const stopCollecting = collectTargetGauges(metrics, {
      prefix: this.#options.metricPrefix,
      id,
      statuses: () => this.#manager.snapshot(),
      dropped: () => this.#manager.dropped,
    });
    const stopShowing = showBaselines(metrics, this.#baselines);
    this.#isRunning = true;
    try {
      this.#connect(this.#sourcesOf(this.#args));
      this.#sync();
      await aborted(signal);
    } finally {
      this.#isRunning = false;
      this.#inputs.close();
      this.#stopSharing();
      await this.#manager.close();
      stopCollecting();
      stopShowing();
    }
  }

  applyConfig(args: ScrapeArguments): void {
    // What arguments are refused for comes before anything is changed. Of the targets only the first are tried: what the others are refused
    // for costs only themselves.
    const sources = this.#sourcesOf(args);
    this.#manager.prepare(targetsOf(args, sources), this.#planOptions(args));
    const terms = this.#termsOf(args, this.#clientOf(args));
    const replaced = this.#terms.client;
    // Of one that was never used nobody else knows.
    if (replaced !== terms.client && replaced !== this.#synced.client) replaced.close();
    this.#args = args;
    this.#terms = terms;
    if (this.#isRunning) this.#connect(sources);
    this.#syncSoon();
  }

  snapshot(): DebugInfo {
    const { share, dropped, skipped } = this.#manager;
    return {
      targets: this.#manager.snapshot(),
      ...(share && { share }),
      ...(dropped > 0 && { droppedTargets: dropped }),
      ...(skipped && { skippedTargets: skipped }),
    };
  }

  /** One with these arguments that is there already, for its connections and tokens; else a new one. */
  #clientOf(args: ScrapeArguments): HttpClient {
    const { clock, log } = this.#context;
    const known = [{ args: this.#args, client: this.#terms.client }, this.#synced].find((one) =>
      sameArguments(httpArgumentsOf(one.args), httpArgumentsOf(args)),
    );
    return known?.client ?? createHttpClient({ args, clock, log });
  }

  #receiverOf(args: ScrapeArguments): Appender {
    const { clock, log } = this.#context;
    const receivers = args.forward_to.map((reference) => ({
      id: reference.id,
      appender: this.#context.receiver(reference),
    }));
    return fanOut(receivers, { clock, metrics: this.#metrics, log });
  }

  #sourcesOf(args: ScrapeArguments): readonly TargetSource[] {
    return args.targets
      .filter((target) => target instanceof Reference)
      .map((reference) => this.#context.targets(reference));
  }

  #connect(sources: readonly TargetSource[]): void {
    this.#sources = sources;
    this.#inputs.connect(sources);
    this.#stopSharing();
    this.#stopSharing = this.#terms.ownership?.subscribe(() => this.#syncSoon()) ?? (() => {});
  }

  /** When all that changes now has changed: a reload changes arguments and sources one after the other. */
  #syncSoon(): void {
    if (this.#isSyncDue) return;
    this.#isSyncDue = true;
    queueMicrotask(() => {
      this.#isSyncDue = false;
      if (this.#isRunning) this.#trySync();
    });
  }

  #trySync(): void {
    try {
      this.#sync();
    } catch (err) {
      this.#context.log.error("An error inside the agent: not all changes of targets took effect", { err });
    }
  }

  #sync(): void {
    this.#synced = { args: this.#args, client: this.#terms.client };
    this.#manager.sync(targetsOf(this.#args, this.#sources), {
      ...this.#planOptions(this.#args),
      terms: this.#terms,
      isPartial: !this.#inputs.isComplete,
    });
  }

  #planOptions(args: ScrapeArguments): PlanOptions {
    return { id: this.#context.id, args, infersServiceName: this.#options.infersServiceName };
  }

  #termsOf(args: ScrapeArguments, client: HttpClient): Terms {
    return {
      client,
      receiver: this.#receiverOf(args),
      maxBytes: args.body_size_limit.bytes,
      // Absent where the component does not share its targets, or the agent is in no cluster.
      ownership: args.clustering?.enabled ? this.#context.cluster : undefined,
    };
  }
}

function targetsOf(args: ScrapeArguments, sources: readonly TargetSource[]): readonly Target[] {
  return [...literalTargets(args), ...sources.flatMap((source) => source.current())];
}
