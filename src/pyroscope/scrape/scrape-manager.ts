import { setImmediate } from "node:timers/promises";
import { limits } from "../../base/index.ts";
import type { Ownership, ShareStatus, SkippedStatus, Target, TargetStatus } from "../../model/index.ts";
import { atOnce, InTurns, type Steps } from "./in-turns.ts";
import { createPlanner, type PlanOptions, type Scrape } from "./plan.ts";
import { baselineKey, type LoopContext, ScrapeLoop } from "./scrape-loop.ts";
import type { TargetError } from "./scrape-url.ts";
import { Share } from "./share.ts";

export interface SyncOptions extends PlanOptions {
  /** Whose a target is, where targets are shared. */
  readonly ownership?: Ownership | undefined;
  /** Whether some of the targets may not be known yet: what runs then goes on without being among them. */
  readonly isPartial?: boolean;
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
  readonly #work: InTurns;
  readonly #running = new Map<string, RunningLoop>();
  /** Loops that were stopped and have not ended yet, by the baseline that they leave. */
  readonly #ending = new Map<string, Promise<void>>();
  readonly #share = new Share();
  #isShared = false;
  #dropped = 0;
  /** Targets that were skipped at the last sync: each is told once. */
  #errors: readonly TargetError[] = [];
  /** Whether the log has that there are targets and none is scraped here. */
  #toldNone = false;

  constructor(context: LoopContext) {
    this.#context = context;
    const failed = (err: unknown): void =>
      context.log.error("An error inside the agent: not all changes of targets took effect", { err });
    this.#work = new InTurns({ clock: context.clock, failed });
  }

  /** Plans some of what `sync` would run; throws where that cannot be done. Nothing is changed. */
  prepare(targets: readonly Target[], options: SyncOptions): void {
    atOnce(this.#plan(targets.slice(0, limits.scrapePlanTrial), options));
  }

  /** Makes the running loops those of `targets`, thousands of them over several turns; equal (target, type) pairs run once. */
  sync(targets: readonly Target[], options: SyncOptions): void {
    this.#work.run(() => this.#syncing(targets, options));
  }

  *#syncing(targets: readonly Target[], options: SyncOptions): Steps {
    const { scrapes, errors, dropped } = yield* this.#plan(targets, options);
    const { own, moved } = yield* this.#share.of(scrapes, options.ownership);
    this.#dropped = dropped;
    this.#isShared = options.ownership !== undefined;
    if (moved > 0) this.#context.metrics.movedTargets.inc(moved);
    yield* this.#tellSkipped(errors);
    if (!options.isPartial) this.#tellNone(own, targets);
    const wanted = new Map<string, Scrape>();
    for (const scrape of own) {
      wanted.set(scrape.identity, scrape);
      yield;
    }
    const staying = options.isPartial ? this.#staying(own, options.ownership) : () => false;
    for (const [identity, running] of this.#running) {
      const scrape = wanted.get(identity);
      if (scrape && !sameTiming(scrape, running.scrape)) this.#stop(identity, running);
      else if (!scrape && !staying(running.scrape)) this.#end(identity, running);
      yield;
    }
    yield* this.#startAll(wanted);
  }

  /** Stops every loop; resolves when all have ended. */
  async close(): Promise<void> {
    this.#work.stop();
    for (const [identity, running] of this.#running) this.#end(identity, running);
    await Promise.all(this.#ending.values());
  }

  snapshot(): readonly TargetStatus[] {
    return [...this.#running.values()].map(({ loop }) => loop.snapshot());
  }

  /** Targets that are not scraped because a rule drops them. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Targets that something is wrong with; undefined where there are none. */
  get skipped(): SkippedStatus | undefined {
    const [first] = this.#errors;
    return first && { count: this.#errors.length, reason: first.reason, message: first.message };
  }

  /** How much of what is known is this agent's; undefined where targets are not shared. */
  get share(): ShareStatus | undefined {
    return this.#isShared ? this.#share.status : undefined;
  }

  /** Which loops go on although their scrape is not among those planned: it may come, as nobody's but this agent's. */
  #staying(own: readonly Scrape[], ownership: Ownership | undefined): (scrape: Scrape) => boolean {
    const planned = new Set(own.map(baselineKey));
    return (scrape) => !planned.has(baselineKey(scrape)) && (ownership?.owns(scrape.owner) ?? true);
  }

  /** Starts what does not run. Thousands begin to work over several turns of the event loop, so that those that run are not held up. */
  *#startAll(wanted: ReadonlyMap<string, Scrape>): Steps {
    let turn = Promise.resolve();
    let started = 0;
    for (const [identity, scrape] of wanted) {
      if (this.#running.has(identity)) continue;
      if (started > 0 && started % limits.scrapeStartsAtOnce === 0) turn = turn.then(() => setImmediate());
      started++;
      this.#start(scrape, turn);
      yield;
    }
  }

  #start(scrape: Scrape, turn: Promise<void>): void {
    const loop = new ScrapeLoop(scrape, this.#context);
    const stop = new AbortController();
    // It goes on with the baseline that the loop before it leaves when it has ended.
    const before = this.#ending.get(baselineKey(scrape));
    const run = async (): Promise<void> => {
      await Promise.all([turn, before]);
      if (!stop.signal.aborted) await loop.run(stop.signal);
    };
    const ended = run().catch((err: unknown) => {
      this.#context.log.error("Scrape loop ended unexpectedly", { url: scrape.url, err });
    });
    this.#running.set(scrape.identity, { loop, scrape, stop, ended });
  }

  *#tellSkipped(errors: readonly TargetError[]): Steps {
    const { metrics, log } = this.#context;
    const told = new Set(this.#errors.map((error) => error.message));
    for (const error of errors) {
      metrics.targetSkipped(error.reason);
      if (!told.has(error.message)) log.warn("Target skipped", { reason: error.reason, err: error });
      yield;
    }
    this.#errors = errors;
  }

  /** Says once that nothing is scraped though there are targets, or were. */
  #tellNone(own: readonly Scrape[], targets: readonly Target[]): void {
    const isNone = own.length === 0 && (this.#toldNone || targets.length > 0 || this.#running.size > 0);
    if (isNone && !this.#toldNone)
      this.#context.log.info("No target is scraped", {
        targets: targets.length,
        dropped_by_rules: this.#dropped,
        skipped: this.#errors.length,
        ...(this.#isShared && { of_other_agents: this.#share.status.knownTargets }),
      });
    this.#toldNone = isNone;
  }

  /** Stops a loop whose scrape is no longer wanted here. */
  #end(identity: string, running: RunningLoop): void {
    if (this.#isShared) running.loop.leaveToOthers();
    this.#stop(identity, running);
  }

  #stop(identity: string, { scrape, stop, ended }: RunningLoop): void {
    this.#running.delete(identity);
    stop.abort();
    const key = baselineKey(scrape);
    const ending = Promise.all([this.#ending.get(key), ended]).then(() => {
      if (this.#ending.get(key) === ending) this.#ending.delete(key);
    });
    this.#ending.set(key, ending);
  }
}

/** Whether a running loop can go on for a scrape of its identity. */
function sameTiming(a: Scrape, b: Scrape): boolean {
  return a.intervalMs === b.intervalMs && a.timeoutMs === b.timeoutMs && a.delta === b.delta;
}
