import type { Ownership, ShareStatus, Target, TargetStatus } from "../../model/index.ts";
import { createPlanner, type PlanOptions, type Scrape } from "./plan.ts";
import { type LoopContext, ScrapeLoop } from "./scrape-loop.ts";
import type { TargetError } from "./scrape-url.ts";
import { Share } from "./share.ts";

export interface SyncOptions extends PlanOptions {
  /** Whose a target is, where targets are shared. */
  readonly ownership?: Ownership | undefined;
}

interface RunningLoop {
  readonly loop: ScrapeLoop;
  readonly scrape: Scrape;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/**
 * Keeps one loop for every (target, type) that is wanted: starts those that are new, stops those that are gone, and leaves the
 * others alone with their phase and their baseline.
 */
export class ScrapeManager {
  readonly #context: LoopContext;
  readonly #plan = createPlanner();
  readonly #running = new Map<string, RunningLoop>();
  /** Loops that were stopped and have not ended yet. */
  readonly #ending = new Set<Promise<void>>();
  readonly #share = new Share();
  #isShared = false;
  #dropped = 0;
  /** Targets that were skipped at the last sync: each is told once. */
  #skipped: ReadonlySet<string> = new Set();

  constructor(context: LoopContext) {
    this.#context = context;
  }

  /** Plans what `sync` would run; throws where that cannot be done. Nothing is changed. */
  prepare(targets: readonly Target[], options: SyncOptions): void {
    this.#plan(targets, options);
  }

  /** Makes the running loops those of `targets`; equal (target, type) pairs run once. */
  sync(targets: readonly Target[], options: SyncOptions): void {
    const { scrapes, errors, dropped } = this.#plan(targets, options);
    this.#dropped = dropped;
    this.#isShared = options.ownership !== undefined;
    const { own, moved } = this.#share.of(scrapes, options.ownership);
    if (moved > 0) this.#context.metrics.movedTargets.inc(moved);
    this.#tellSkipped(errors);
    const wanted = new Map(own.map((scrape) => [scrape.identity, scrape]));
    for (const [identity, running] of this.#running) {
      const scrape = wanted.get(identity);
      if (!scrape) this.#end(identity, running);
      else if (!sameTiming(scrape, running.scrape)) this.#stop(identity, running);
    }
    // A new loop of a URL goes on with the baseline that the old one leaves, so it begins when that has ended.
    const ended = Promise.all(this.#ending);
    for (const scrape of wanted.values()) if (!this.#running.has(scrape.identity)) this.#start(scrape, ended);
  }

  /** Stops every loop; resolves when all have ended. */
  async close(): Promise<void> {
    for (const [identity, running] of this.#running) this.#end(identity, running);
    await Promise.all(this.#ending);
  }

  snapshot(): readonly TargetStatus[] {
    return [...this.#running.values()].map(({ loop }) => loop.snapshot());
  }

  /** Targets that are not scraped because a rule drops them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** How much of what is known is this agent's; undefined where targets are not shared. */
  get share(): ShareStatus | undefined {
    return this.#isShared ? this.#share.status : undefined;
  }

  #start(scrape: Scrape, after: Promise<unknown>): void {
    const loop = new ScrapeLoop(scrape, this.#context);
    const stop = new AbortController();
    const run = async (): Promise<void> => {
      await after;
      if (!stop.signal.aborted) await loop.run(stop.signal);
    };
    const ended = run().catch((err: unknown) => {
      this.#context.log.error("Scrape loop ended unexpectedly", { url: scrape.url, err });
    });
    this.#running.set(scrape.identity, { loop, scrape, stop, ended });
  }

  #tellSkipped(errors: readonly TargetError[]): void {
    const { metrics, log } = this.#context;
    for (const error of errors) {
      metrics.targetSkipped(error.reason);
      if (!this.#skipped.has(error.message)) log.warn("Target skipped", { reason: error.reason, err: error });
    }
    this.#skipped = new Set(errors.map((error) => error.message));
  }

  /** Stops a loop whose scrape is no longer wanted here. */
  #end(identity: string, running: RunningLoop): void {
    if (this.#isShared) running.loop.leaveToOthers();
    this.#stop(identity, running);
  }

  #stop(identity: string, { stop, ended }: RunningLoop): void {
    this.#running.delete(identity);
    stop.abort();
    const ending = ended.finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

/** Whether a running loop can go on for a scrape of its identity. */
function sameTiming(a: Scrape, b: Scrape): boolean {
  return a.intervalMs === b.intervalMs && a.timeoutMs === b.timeoutMs && a.delta === b.delta;
}
