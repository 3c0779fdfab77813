import { limits } from "../../base/index.ts";
import type { HttpClient } from "../../http/index.ts";
import {
  labelsKey,
  type Ownership,
  type ShareStatus,
  type SkippedStatus,
  type Target,
  type TargetStatus,
} from "../../model/index.ts";
import { atOnce, InTurns, type Turns, type Work } from "./in-turns.ts";
import { baselineKey, createPlanner, type PlanOptions, type Scrape } from "./plan.ts";
import { type LoopContext, ScrapeLoop, type Terms } from "./scrape-loop.ts";
import type { TargetError, TargetReason } from "./scrape-url.ts";
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

interface StartOptions {
  readonly terms: Terms;
  /** What targets are shared by that have come from other agents. */
  readonly moved: ReadonlySet<string>;
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
  readonly #share: Share;
  #isShared = false;
  #dropped = 0;
  /** Targets that were skipped at the last sync: each is told once. */
  #errors: readonly TargetError[] = [];
  /** Whether the log has that there are targets and none is scraped here. */
  #toldNone = false;

  constructor(context: ManagerContext) {
    this.#context = context;
    this.#share = new Share(context.clock);
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
    if (moved.size > 0) this.#context.metrics.movedTargets.inc(moved.size);
    yield* this.#tellSkipped(errors);
    if (!options.isPartial) this.#tellNone(own, targets);
    const wanted = new Map<string, Scrape>();
    for (const scrape of own) {
      wanted.set(scrape.identity, scrape);
      yield;
    }
    const leaving: RunningLoop[] = [];
    const staying = options.isPartial ? this.#staying(own, terms.ownership) : () => false;
    for (const [identity, running] of this.#running) {
      const scrape = wanted.get(identity);
      if (scrape && sameTiming(scrape, running.loop.scrape)) running.loop.goOnWith(scrape, terms);
      else if (scrape) this.#stop(identity, running);
      else if (!staying(running.loop.scrape)) leaving.push(running);
      yield;
    }
    yield* this.#relabelOrStop(leaving, { wanted, terms });
    yield* this.#startAll(wanted, { terms, moved });
    yield* this.#closeOld(terms.client);
  }

  /** Stops every loop; resolves when all have ended. */
  async close(): Promise<void> {
    this.#work.stop();
    for (const [identity, running] of this.#running) {
      // Others go on with what is shared.
      if (this.#isShared) running.loop.leaveToOthers();
      this.#stop(identity, running);
    }
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

  /**
   * Loops whose scrape is wanted under other labels go on with it, since one of CPU profiles would nearly always be cut off in the middle of one; the
   * others are stopped. Where arguments are new, so are the loops: what is in flight by the old ones never goes where the new ones say.
   */
  *#relabelOrStop(
    leaving: readonly RunningLoop[],
    { wanted, terms }: { readonly wanted: ReadonlyMap<string, Scrape>; readonly terms: Terms },
  ): Work {
    if (leaving.length === 0) return;
    const starting = new Map<string, Scrape[]>();
    const series = new Set<string>();
    for (const scrape of wanted.values()) {
      yield;
      if (this.#running.has(scrape.identity)) continue;
      const key = baselineKey(scrape);
      const same = starting.get(key);
      if (same) same.push(scrape);
      else starting.set(key, [scrape]);
      series.add(labelsKey(scrape.labels));
    }
    for (const running of leaving) {
      const { loop } = running;
      const before = loop.scrape;
      const next = loop.terms === terms ? starting.get(baselineKey(before))?.shift() : undefined;
      if (next && sameTiming(next, before)) {
        this.#running.delete(before.identity);
        this.#running.set(next.identity, running);
        loop.goOnWith(next, terms);
      } else {
        // What grows from now on is pushed by the loop of another URL or type: should this one come back, it must not push that again.
        if (series.has(labelsKey(before.labels))) loop.leaveToOthers();
        this.#stop(before.identity, running);
      }
      yield;
    }
  }

  /** Starts what does not run. */
  *#startAll(wanted: ReadonlyMap<string, Scrape>, { terms, moved }: StartOptions): Work {
    for (const [identity, scrape] of wanted) {
      if (this.#running.has(identity)) continue;
      this.#start(scrape, { terms, moved });
      yield;
    }
  }

  #start(scrape: Scrape, { terms, moved }: StartOptions): void {
    const loop = new ScrapeLoop(scrape, { context: this.#context, terms, hasMoved: moved.has(scrape.owner) });
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
    const told = Map.groupBy(this.#errors, ({ message }) => message);
    const untold = new Map<TargetReason, { readonly example: TargetError; targets: number }>();
    for (const error of errors) {
      yield;
      if (told.get(error.message)?.pop()) continue;
      const { reason } = error;
      metrics.targetSkipped(reason);
      const others = untold.get(reason);
      if (others) others.targets++;
      else untold.set(reason, { example: error, targets: 1 });
      if (others) log.debug("Target skipped", { reason, err: error });
    }
    for (const [reason, { example, targets }] of untold) log.warn("Targets skipped", { reason, targets, err: example });
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

/** Whether a running loop can go on for a scrape of its type and URL. */
function sameTiming(a: Scrape, b: Scrape): boolean {
  return a.intervalMs === b.intervalMs && a.timeoutMs === b.timeoutMs && a.delta === b.delta;
}
