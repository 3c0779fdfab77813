import type { Target } from "../../model/index.ts";
import type { TargetStatus } from "../../model/index.ts";
import type { BaselineTable } from "./baselines.ts";
import { planScrapes, type PlanOptions, type Scrape } from "./plan.ts";
import { type LoopContext, ScrapeLoop, scrapeIdentity } from "./scrape-loop.ts";

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
  readonly #baselines: BaselineTable;
  readonly #running = new Map<string, RunningLoop>();
  /** Loops that were stopped and have not ended yet. */
  readonly #ending = new Set<Promise<void>>();

  constructor(context: LoopContext, baselines: BaselineTable) {
    this.#context = context;
    this.#baselines = baselines;
  }

  /** Makes the running loops those of `targets`; equal (target, type) pairs run once. */
  sync(targets: readonly Target[], options: PlanOptions): void {
    const { scrapes, errors } = planScrapes(targets, options);
    for (const error of errors) {
      this.#context.metrics.targetSkipped(error.reason);
      this.#context.log.warn("Target skipped", { reason: error.reason, err: error });
    }
    const wanted = new Map(scrapes.map((scrape) => [scrapeIdentity(scrape), scrape]));
    for (const [identity, running] of this.#running) {
      const scrape = wanted.get(identity);
      if (!scrape || !sameTiming(scrape, running.scrape)) this.#stop(identity, running);
    }
    for (const [identity, scrape] of wanted)
      if (!this.#running.has(identity)) this.#start(identity, { scrape, componentId: options.id });
  }

  /** Stops every loop; resolves when all have ended. */
  async close(): Promise<void> {
    for (const [identity, running] of this.#running) this.#stop(identity, running);
    await Promise.all(this.#ending);
  }

  snapshot(): readonly TargetStatus[] {
    return [...this.#running.values()].map(({ loop }) => loop.snapshot());
  }

  #start(identity: string, { scrape, componentId }: { scrape: Scrape; componentId: string }): void {
    const key = `${componentId}\n${scrape.type}\n${scrape.url}`;
    const slot = this.#baselines.acquire(key, `${componentId}\n${identity}`);
    const loop = new ScrapeLoop(scrape, { slot, context: this.#context });
    const stop = new AbortController();
    const ended = loop.run(stop.signal).catch((err: unknown) => {
      this.#context.log.error("Scrape loop ended unexpectedly", { url: scrape.url, err });
    });
    this.#running.set(identity, { loop, scrape, stop, ended });
  }

  #stop(identity: string, { stop, ended }: RunningLoop): void {
    this.#running.delete(identity);
    stop.abort();
    const ending = ended.finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}

function sameTiming(a: Scrape, b: Scrape): boolean {
  return a.intervalMs === b.intervalMs && a.timeoutMs === b.timeoutMs && a.delta === b.delta;
}
