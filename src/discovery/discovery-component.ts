import { aborted, AgentError, errorMessage, limits, sleep } from "../base/index.ts";
import type { Component, ComponentContext, DebugInfo, Exports } from "../component/index.ts";
import type { DiscoveryStatus, Target } from "../model/index.ts";
import type { Finder, FinderContext, Report } from "./finder.ts";
import { createTargetKeeper, type TargetKeeper } from "./keep-targets.ts";
import { createDiscoveryMetrics, type DiscoveryMetrics } from "./metrics.ts";
import { SourceTable } from "./source-table.ts";
import { createTargetExport, type TargetExport } from "./target-export.ts";

export interface DiscoveryComponentOptions<Arguments> {
  readonly context: ComponentContext;
  readonly find: (args: Arguments, context: FinderContext) => Finder;
}

/** The name of no source: what fails is the look as a whole. */
const wholeLook = "";

/**
 * A running discovery component, whatever its finder: merges the targets of all sources, keeps the last good ones while a look fails,
 * those of the old finder until the new one has answered, and those of the last run until somebody answers.
 */
export class DiscoveryComponent<Arguments> implements Component<Arguments> {
  readonly exports: Exports;
  readonly #context: ComponentContext;
  readonly #find: DiscoveryComponentOptions<Arguments>["find"];
  readonly #sources = new SourceTable();
  readonly #export: TargetExport;
  readonly #keeper: TargetKeeper;
  readonly #metrics: DiscoveryMetrics;
  #finder: Finder;
  #lastSuccessMs: number | undefined;
  /** Of the look as a whole. */
  #error: { readonly message: string; readonly atMs: number } | undefined;
  /** While the component runs: ends the finder that runs now. */
  #stopFinder: AbortController | undefined;
  readonly #finders = new Set<Promise<void>>();

  constructor(args: Arguments, { context, find }: DiscoveryComponentOptions<Arguments>) {
    this.#context = context;
    this.#find = find;
    this.#finder = find(args, context);
    this.#metrics = createDiscoveryMetrics(context.metrics, context.id);
    this.#export = createTargetExport({
      clock: context.clock,
      targets: () => this.#sources.targets(),
      onPublished: ({ length }) => this.#context.log.debug("Targets changed", { targets: length }),
    });
    this.#keeper = createTargetKeeper({ ...context, kept: () => this.#sources.kept() });
    this.exports = { targets: this.#export.source };
  }

  async run(signal: AbortSignal): Promise<void> {
    const hide = this.#metrics.show(() => ({
      targets: this.#export.source.current().length,
      lastSuccessMs: this.#lastSuccessMs,
    }));
    this.#remember(await this.#keeper.load());
    if (!signal.aborted) this.#startFinder();
    await aborted(signal);
    this.#stopFinder?.abort();
    this.#stopFinder = undefined;
    this.#export.close();
    await Promise.all(this.#finders);
    await this.#keeper.close();
    hide();
  }

  applyConfig(args: Arguments): void {
    this.#finder = this.#find(args, this.#context);
    this.#sources.inherit();
    this.#error = undefined;
    if (!this.#stopFinder) return;
    this.#stopFinder.abort();
    this.#startFinder();
  }

  snapshot(): DebugInfo {
    const discovery: DiscoveryStatus = {
      targets: this.#export.source.current().length,
      sources: this.#sources.size,
      shownSources: this.#sources.statuses(limits.discoverySourcesShown),
      ...(this.#lastSuccessMs !== undefined && { lastSuccessMs: this.#lastSuccessMs }),
      ...(this.#error && { lastError: this.#error.message, lastErrorMs: this.#error.atMs }),
    };
    return { discovery };
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
      found: whileRunning((source, targets) => this.#found(source, targets)),
      gone: whileRunning((source) => this.#noteChange(this.#sources.gone(source))),
      failed: whileRunning((source, error) => this.#failed(source, error)),
      complete: whileRunning(() => this.#complete()),
    };
  }

  #found(source: string, targets: readonly Target[]): void {
    const { clock, log } = this.#context;
    const failedBefore = this.#sources.hasError(source);
    try {
      this.#noteChange(this.#sources.found(source, targets, clock.now()));
    } catch (thrown) {
      return this.#failed(source, thrown);
    }
    this.#metrics.refreshed();
    if (failedBefore) log.info("Targets are discovered again", { source: source || undefined });
    this.#succeeded();
  }

  #complete(): void {
    this.#noteChange(this.#sources.dropInherited());
    this.#succeeded();
  }

  #succeeded(): void {
    this.#lastSuccessMs = this.#context.clock.now();
    if (this.#error) this.#context.log.info("Targets are discovered again");
    this.#error = undefined;
  }

  #failed(source: string, error: unknown): void {
    const { clock, log } = this.#context;
    this.#metrics.failed(error instanceof AgentError ? error.reason : "internal");
    const message = errorMessage(error);
    if (this.#noteError(source, message, clock.now()))
      log.warn("Targets not discovered; the last good ones stay", { source: source || undefined, err: error });
  }

  /** Whether the error is another one than before. */
  #noteError(source: string, message: string, atMs: number): boolean {
    if (source !== wholeLook) return this.#sources.failed(source, message, atMs);
    const isNew = this.#error?.message !== message;
    this.#error = { message, atMs };
    return isNew;
  }

  #noteChange(changed: boolean): void {
    if (!changed) return;
    this.#export.changed();
    this.#keeper.changed();
  }
}
