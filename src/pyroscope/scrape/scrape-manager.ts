import { limits } from "../../base/index.ts";
import type { HttpClient } from "../../http/index.ts";
import type { Ownership, ShareStatus, SkippedStatus, Target, TargetStatus } from "../../model/index.ts";
import { atOnce, InTurns, type Turns, type Work } from "./in-turns.ts";
import { createPlanner, type PlanOptions, type Scrape } from "./plan.ts";
import { baselineKey, type LoopContext, ScrapeLoop, type Terms } from "./scrape-loop.ts";
import type { TargetError } from "./scrape-url.ts";
import { Share } from "./share.ts";

export interface ManagerContext extends LoopContext {
  readonly turns: Turns;
}

export interface SyncOptions extends PlanOptions {
  /** Those of `args`. */
  readonly terms: Terms;
  /** Whether some of the targets may not be known yet: what runs then goes on without being among them. */
  readonly isPartial?: boolean;
}

interface RunningLoop {
  readonly loop: ScrapeLoop;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/**
 * Keeps one loop for every (target, type) that is wanted: starts those that are new, stops those that are gone, and leaves the
 * others alone with their phase and their baseline. While it finds out which, loops go on as the plan before has it. It closes the clients
 * that it was given, each as soon as no loop has it any more.
 */
export class ScrapeManager {
  readonly #context: ManagerContext;
  readonly #plan = createPlanner();
  readonly #work: InTurns;
  readonly #running = new Map<string, RunningLoop>();
  /** Loops that were stopped and have not ended yet, by the baseline that they leave. */
  readonly #ending = new Map<string, Promise<void>>();
  /** Those that loops may have, the one of the newest arguments last. */
  readonly #clients = new Set<HttpClient>();
  readonly #share = new Share();
  #isShared = false;
  #dropped = 0;
  /** Targets that were skipped at the last sync: each is told once. */
  #errors: readonly TargetError[] = [];
  /** Whether the log has that there are targets and none is scraped here. */
  #toldNone = false;

  constructor(context: ManagerContext) {
    this.#context = context;
    const failed = (err: unknown): void =>
      context.log.error("An error inside the agent: not all changes of targets took effect", { err });
    this.#work = new InTurns({ turns: context.turns, failed });
  }

  /** Plans some of what `sync` would run; throws where that cannot be done. Nothing is changed. */
  prepare(targets: readonly Target[], options: PlanOptions): void {
    atOnce(this.#plan(targets.slice(0, limits.scrapePlanTrial), options));
  }

  /** Makes the running loops those of `targets`, thousands of them over several turns; equal (target, type) pairs run once. */
  sync(targets: readonly Target[], options: SyncOptions): void {
    this.#clients.add(options.terms.client);
    this.#work.run(() => this.#syncing(targets, options));
  }

  *#syncing(targets: readonly Target[], options: SyncOptions): Work {
    const { terms } = options;
    const { scrapes, errors, dropped } = yield* this.#plan(targets, options);
    const { own, moved } = yield* this.#share.of(scrapes, terms.ownership);
    this.#dropped = dropped;
    this.#isShared = terms.ownership !== undefined;
    if (moved > 0) this.#context.metrics.movedTargets.inc(moved);
    yield* this.#tellSkipped(errors);
    if (!options.isPartial) this.#tellNone(own, targets);
    const wanted = new Map<string, Scrape>();
    for (const scrape of own) {
      wanted.set(scrape.identity, scrape);
      yield;
    }
    const staying = options.isPartial ? this.#staying(own, terms.ownership) : () => false;
    for (const [identity, running] of this.#running) {
      const scrape = wanted.get(identity);
      if (scrape && sameTiming(scrape, running.loop.scrape)) running.loop.goOnWith(scrape, terms);
      else if (scrape) this.#stop(identity, running);
      else if (!staying(running.loop.scrape)) this.#end(identity, running);
      yield;
    }
    yield* this.#startAll(wanted, terms);
    yield* this.#closeOld(terms.client);
  }

  /** Stops every loop; resolves when all have ended. */
  async close(): Promise<void> {
    this.#work.stop();
    for (const [identity, running] of this.#running) this.#end(identity, running);
    await Promise.all(this.#ending.values());
    for (const client of this.#clients) client.close();
    this.#clients.clear();
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

  /** Starts what does not run. */
  *#startAll(wanted: ReadonlyMap<string, Scrape>, terms: Terms): Work {
    for (const [identity, scrape] of wanted) {
      if (this.#running.has(identity)) continue;
      this.#start(scrape, terms);
      yield;
    }
  }

  #start(scrape: Scrape, terms: Terms): void {
    const loop = new ScrapeLoop(scrape, { context: this.#context, terms });
    const stop = new AbortController();
    // It goes on with the baseline that the loop before it leaves when it has ended.
    const before = this.#ending.get(baselineKey(scrape));
    const run = async (): Promise<void> => {
      if (before) await before;
      if (!stop.signal.aborted) await loop.run(stop.signal);
    };
    const ended = run().catch((err: unknown) => {
      this.#context.log.error("Scrape loop ended unexpectedly", { url: scrape.url, err });
    });
    this.#running.set(scrape.identity, { loop, stop, ended });
  }

  /** Closes the clients of earlier arguments that no loop has any more. */
  *#closeOld(newest: HttpClient): Work {
    if (this.#clients.size === 1) return;
    const used = new Set<HttpClient>();
    for (const { loop } of this.#running.values()) {
      used.add(loop.client);
      yield;
    }
    for (const client of this.#clients) {
      if (client === newest) return;
      if (used.has(client)) continue;
      client.close();
      this.#clients.delete(client);
    }
  }

  *#tellSkipped(errors: readonly TargetError[]): Work {
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
        ...(this.#isShared && { shared_but_not_its_own: this.#share.status.knownTargets }),
      });
    this.#toldNone = isNone;
  }

  /** Stops a loop whose scrape is no longer wanted here. */
  #end(identity: string, running: RunningLoop): void {
    if (this.#isShared) running.loop.leaveToOthers();
    this.#stop(identity, running);
  }

  #stop(identity: string, { loop, stop, ended }: RunningLoop): void {
    this.#running.delete(identity);
    stop.abort();
    const key = baselineKey(loop.scrape);
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
