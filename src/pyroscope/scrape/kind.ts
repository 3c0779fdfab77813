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
import type { Appender, Ownership, PlannedScrape, TargetSource } from "../../model/index.ts";
import { prepareRules } from "../../relabel/index.ts";
import { sameArguments } from "../../schema/index.ts";
import { type ScrapeArguments, scrapeArguments } from "./arguments.ts";
import { type BaselineTable, createBaselineTable } from "./baselines.ts";
import { createCpuSlots, type CpuSlots } from "./cpu-slots.ts";
import { createClockLog } from "./clock-log.ts";
import { createFailureLog } from "./failure-log.ts";
import { explainTarget } from "./explain-target.ts";
import { fanOut } from "./fan-out.ts";
import { literalTargets } from "./literal-targets.ts";
import { collectTargetGauges, createScrapeMetrics, type ScrapeMetrics, showBaselines } from "./metrics.ts";
import { planScrapes } from "./plan.ts";
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
}

export function createSharedScrapeState(clock: Clock): SharedScrapeState {
  return { cpuSlots: createCpuSlots(clock), baselines: createBaselineTable(clock) };
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
    warnings: (id, args) => scrapeWarnings({ id, args, infersServiceName }),
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
  #receiver: Appender;
  #sources: readonly TargetSource[] = [];
  readonly #inputs: TargetInputs;
  #stopSharing: () => void = () => {};
  #isRunning = false;
  #isSyncDue = false;
  readonly #context: ComponentContext;
  readonly #options: ScrapeKindOptions;
  readonly #metrics: ScrapeMetrics;
  readonly #baselines: BaselineTable;
  #client: HttpClient;
  readonly #manager: ScrapeManager;

  constructor(args: ScrapeArguments, { context, shared, options }: ScrapeComponentOptions) {
    const { id, clock, log, metrics, userAgent } = context;
    this.#args = args;
    this.#context = context;
    this.#options = options;
    this.#metrics = createScrapeMetrics(metrics, { prefix: options.metricPrefix, id });
    this.#baselines = shared.baselines;
    this.#inputs = new TargetInputs({ clock, changed: () => this.#syncSoon() });
    this.#receiver = this.#receiverOf(args);
    this.#client = this.#clientOf(args);
    this.#manager = new ScrapeManager({
      componentId: id,
      baselines: shared.baselines,
      clock,
      log,
      metrics: this.#metrics,
      failures: createFailureLog(log, clock),
      clocks: createClockLog(log),
      cpuSlots: shared.cpuSlots,
      headers: { "user-agent": userAgent },
      client: () => this.#client,
      receiver: () => this.#receiver,
      maxBytes: () => this.#args.body_size_limit.bytes,
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
    this.#connect(this.#sourcesOf(this.#args));
    this.#sync();
    try {
      await aborted(signal);
    } finally {
      this.#isRunning = false;
      this.#inputs.close();
      this.#stopSharing();
      await this.#manager.close();
      this.#client.close();
      stopCollecting();
      stopShowing();
    }
  }

  applyConfig(args: ScrapeArguments): void {
    const before = this.#client;
    const isSame = sameArguments(httpArgumentsOf(args), httpArgumentsOf(this.#args));
    // All that may fail comes before anything is changed.
    const sources = this.#sourcesOf(args);
    this.#manager.prepare(...this.#wanted(args, sources));
    const receiver = this.#receiverOf(args);
    const client = isSame ? before : this.#clientOf(args);
    this.#args = args;
    this.#receiver = receiver;
    this.#client = client;
    if (this.#isRunning) this.#connect(sources);
    this.#syncSoon();
    // Requests in flight end on the old one.
    if (!isSame) before.close();
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

  #clientOf(args: ScrapeArguments): HttpClient {
    return createHttpClient({ args, clock: this.#context.clock, log: this.#context.log });
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
    this.#stopSharing = this.#ownershipOf(this.#args)?.subscribe(() => this.#syncSoon()) ?? (() => {});
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
    this.#manager.sync(...this.#wanted(this.#args, this.#sources));
  }

  #wanted(args: ScrapeArguments, sources: readonly TargetSource[]): Parameters<ScrapeManager["sync"]> {
    const targets = [...literalTargets(args), ...sources.flatMap((source) => source.current())];
    const { infersServiceName } = this.#options;
    const isPartial = !this.#inputs.isComplete;
    return [targets, { id: this.#context.id, args, infersServiceName, ownership: this.#ownershipOf(args), isPartial }];
  }

  /** Whose a target is; undefined where the component does not share its targets, or the agent is in no cluster. */
  #ownershipOf(args: ScrapeArguments): Ownership | undefined {
    return args.clustering?.enabled ? this.#context.cluster : undefined;
  }
}
