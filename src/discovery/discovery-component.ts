import { aborted, AgentError, errorMessage, limits, sleep, type Timer } from "../base/index.ts";
import type { Component, ComponentContext, DebugInfo, Exports } from "../component/index.ts";
import type { DiscoveryStatus, Target } from "../model/index.ts";
import { advised } from "./advised.ts";
import { DiscoveryError } from "./discovery-error.ts";
import { type Finder, type FinderContext, type Report, wholeLook } from "./finder.ts";
import { argumentsHash, createTargetKeeper, type TargetKeeper } from "./keep-targets.ts";
import { createDiscoveryMetrics, type DiscoveryMetrics } from "./metrics.ts";
import type { SkippedCounts } from "./skipped-objects.ts";
import { socketReason, SocketTargets } from "./socket-targets.ts";
import { SourceTable } from "./source-table.ts";
import { createTargetExport, type TargetExport } from "./target-export.ts";
import { ToldFailures } from "./told-failures.ts";

export interface DiscoveryComponentOptions<Arguments> {
  readonly context: ComponentContext;
  readonly find: (args: Arguments, context: FinderContext) => Finder;
  /** Whether its targets may be unix sockets. */
  readonly namesSockets: boolean;
}

/** Stands for all sources that do not fit. Not the name of one, which begin otherwise. */
const noRoom = "\0no room";

/**
 * A running discovery component, whatever its finder: merges the targets of all sources, keeps the last good ones while a look fails,
 * those of the old finder until the new one has answered, and those of the last run until somebody answers.
 */
export class DiscoveryComponent<Arguments> implements Component<Arguments> {
  readonly exports: Exports;
  readonly #context: ComponentContext;
  readonly #find: DiscoveryComponentOptions<Arguments>["find"];
  readonly #sockets: SocketTargets | undefined;
  readonly #sources: SourceTable;
  readonly #export: TargetExport;
  readonly #keeper: TargetKeeper;
  readonly #metrics: DiscoveryMetrics;
  readonly #told: ToldFailures;
  /** Tells of sources that do not fit, those that follow within a moment included. */
  #tellRefused: Timer | undefined;
  /** Of the arguments. */
  #hash: string;
  #finder: Finder;
  /** What the finder that runs now passed over. */
  #skipped: SkippedCounts = new Map();
  #lastSuccessMs: number | undefined;
  /** Of the look as a whole, or of the last source where all of them failed. */
  #error: { readonly message: string; readonly atMs: number } | undefined;
  /** Exported last. */
  #count = 0;
  /** Whether a look has succeeded. */
  #wasComplete = false;
  /** While the component runs: ends the finder that runs now. */
  #stopFinder: AbortController | undefined;
  readonly #finders = new Set<Promise<void>>();

  constructor(args: Arguments, { context, find, namesSockets }: DiscoveryComponentOptions<Arguments>) {
    this.#context = context;
    this.#find = find;
    this.#finder = find(args, context);
    this.#hash = argumentsHash(args);
    this.#sources = new SourceTable(this.#hash);
    this.#told = new ToldFailures(context.clock);
    this.#sockets = namesSockets ? undefined : new SocketTargets(context);
    this.#metrics = createDiscoveryMetrics(context.metrics, context.id);
    this.#export = createTargetExport({
      clock: context.clock,
      targets: () => this.#sources.targets(),
      onPublished: ({ length }) => this.#tellCount(length),
    });
    this.#keeper = createTargetKeeper({ ...context, kept: () => this.#sources.kept() });
    this.exports = { targets: this.#export.source };
  }

  async run(signal: AbortSignal): Promise<void> {
    const hide = this.#metrics.show(() => ({
      targets: this.#export.source.current().length,
      lastSuccessMs: this.#lastSuccessMs,
      skipped: this.#allSkipped(),
    }));
    this.#remember(await this.#keeper.load(this.#hash));
    if (!signal.aborted) this.#startFinder();
    await aborted(signal);
    this.#stopFinder?.abort();
    this.#stopFinder = undefined;
    this.#export.close();
    this.#tellRefused?.cancel();
    await Promise.all(this.#finders);
    await this.#keeper.close();
    hide();
  }

  applyConfig(args: Arguments): void {
    this.#finder = this.#find(args, this.#context);
    this.#hash = argumentsHash(args);
    this.#sources.inherit(this.#hash);
    this.#sockets?.clear();
    this.#told.clear();
    this.#skipped = new Map();
    this.#error = undefined;
    if (!this.#stopFinder) return;
    this.#stopFinder.abort();
    this.#startFinder();
  }

  snapshot(): DebugInfo {
    const skipped = this.#allSkipped();
    const discovery: DiscoveryStatus = {
      targets: this.#export.source.current().length,
      sources: this.#sources.size,
      fromDisk: this.#sources.fromDisk,
      shownSources: this.#sources.statuses(limits.discoverySourcesShown),
      ...(skipped.size > 0 && { skippedObjects: Object.fromEntries(skipped) }),
      ...(this.#lastSuccessMs !== undefined && { lastSuccessMs: this.#lastSuccessMs }),
      ...(this.#error && { lastError: this.#error.message, lastErrorMs: this.#error.atMs }),
    };
    return { discovery };
  }

  /** With the targets on sockets, which no finder knows to be kept out. */
  #allSkipped(): SkippedCounts {
    const sockets = this.#sockets?.count ?? 0;
    return sockets === 0 ? this.#skipped : new Map([...this.#skipped, [socketReason, sockets]]);
  }

  #remember(kept: Parameters<SourceTable["adopt"]>[0]): void {
    if (kept.length === 0) return;
    this.#sources.adopt(kept);
    const targets = kept.reduce((sum, source) => sum + source.targets.length, 0);
    this.#context.log.info("Goes on with the targets of the last run until they are discovered again", { targets });
    this.#export.changed();
  }

  #startFinder(): void {
    const stop = new AbortController();
    this.#stopFinder = stop;
    const ended = this.#runFinder(this.#finder, stop.signal).finally(() => this.#finders.delete(ended));
    this.#finders.add(ended);
  }

  /** A finder that ends unasked is a bug of ours; targets must not be lost by it. */
  async #runFinder(finder: Finder, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#context;
    while (!signal.aborted) {
      try {
        await finder.run(signal, this.#reportOf(signal));
      } catch (err) {
        if (!signal.aborted) log.error("A search for targets ended unasked and begins again", { err });
      }
      await sleep(clock, limits.discoveryRestartMs, signal).catch(() => undefined);
    }
  }

  /** What a finder reports once it has been told to end no longer counts. */
  #reportOf(signal: AbortSignal): Report {
    const whileRunning =
      <Args extends unknown[]>(report: (...args: Args) => void) =>
      (...args: Args): void => {
        if (!signal.aborted) report(...args);
      };
    return {
      found: (source, targets, remark) => !signal.aborted && this.#found(source, targets, remark),
      gone: whileRunning((source) => this.#gone(source)),
      failed: whileRunning((source, error) => this.#failed(source, advised(error))),
      skipped: whileRunning((counts) => (this.#skipped = counts)),
      complete: whileRunning((failure) => this.#complete(failure && advised(failure))),
      settled: whileRunning((isOver) => this.#noteChange(this.#sources.dropInherited(isOver))),
    };
  }

  #found(source: string, found: readonly Target[], remark: string | undefined): boolean {
    const targets = this.#sockets?.without(source, found) ?? found;
    const hadAnswered = this.#sources.hasAnswered(source);
    try {
      this.#noteChange(this.#sources.found(source, targets, { nowMs: this.#context.clock.now(), remark }));
    } catch (thrown) {
      this.#refused(source, thrown);
      return false;
    }
    this.#metrics.refreshed();
    this.#well(source, hadAnswered);
    this.#succeeded();
    return true;
  }

  #gone(source: string): void {
    this.#told.isOver(source);
    this.#sockets?.forget(source);
    this.#noteChange(this.#sources.gone(source));
  }

  #complete(failure?: unknown): void {
    this.#noteChange(this.#sources.dropInherited());
    if (failure !== undefined) {
      // The log has it already, source by source.
      this.#error = { message: errorMessage(failure), atMs: this.#context.clock.now() };
      return;
    }
    if (!this.#wasComplete && this.#sources.targets().length === 0) this.#context.log.info("No targets are discovered");
    this.#wasComplete = true;
    this.#export.answered();
    this.#succeeded();
  }

  #succeeded(): void {
    const isAgain = this.#lastSuccessMs !== undefined || this.#count > 0;
    this.#lastSuccessMs = this.#context.clock.now();
    this.#error = undefined;
    this.#well(wholeLook, isAgain);
    if (this.#sources.refused === 0) this.#well(noRoom, isAgain);
    this.#keeper.confirmed();
  }

  /** The first success of all has a line of its own, which says how many. */
  #well(source: string, isAgain: boolean): void {
    if (!this.#told.isOver(source)) return;
    const isNamed = source !== wholeLook && source !== noRoom;
    if (isAgain) this.#context.log.info("Targets are discovered again", isNamed ? { source } : {});
    else if (isNamed && this.#lastSuccessMs !== undefined) this.#context.log.info("Targets are discovered", { source });
  }

  #failed(source: string, error: unknown): void {
    const { clock, log } = this.#context;
    this.#metrics.failed(reasonOf(error));
    const [message, atMs] = [errorMessage(error), clock.now()];
    if (source === wholeLook) this.#error = { message, atMs };
    else this.#sources.failed(source, message, atMs);
    if (this.#told.isNews(source, kindOf(error)))
      log.warn(`Targets not discovered${this.#keptInWords}`, { source: source || undefined, err: error });
  }

  get #keptInWords(): string {
    return this.#sources.targets().length > 0 ? "; the last good ones stay" : "";
  }

  /** There may be thousands of sources, one for each object of a cluster, and one line is enough for all that do not fit. */
  #refused(source: string, error: unknown): void {
    const { clock, log } = this.#context;
    this.#metrics.failed(reasonOf(error));
    this.#sources.refuse(source, errorMessage(error), clock.now());
    if (this.#tellRefused || !this.#told.isNews(noRoom, kindOf(error))) return;
    this.#tellRefused = clock.after(limits.discoveryPublishMs, () => {
      this.#tellRefused = undefined;
      log.warn("Some sources have more targets than there is room for; the last good ones stay", {
        sources: this.#sources.refused,
        err: error,
      });
    });
  }

  #tellCount(targets: number): void {
    const { log } = this.#context;
    if (targets === 0 && this.#count > 0) log.info("No targets are discovered any more", { before: this.#count });
    else if (this.#isFirstFound(targets)) log.info("Targets are discovered", { targets });
    else log.debug("Targets changed", { targets });
    this.#count = targets;
  }

  /** Not of those of the last run, of which there was a line. */
  #isFirstFound(targets: number): boolean {
    return this.#count === 0 && targets > 0 && this.#sources.fromDisk === 0;
  }

  #noteChange(changed: boolean): void {
    if (!changed) return;
    this.#export.changed();
    this.#keeper.changed();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof AgentError ? error.reason : "internal";
}

/** What makes one failure another one than the last. */
function kindOf(error: unknown): string {
  const status = error instanceof DiscoveryError ? error.status : undefined;
  return `${reasonOf(error)} ${status ?? ""}`;
}
