import { aborted, type Clock, errorMessage, limits } from "../base/index.ts";
import type { FoundTargets } from "../component/index.ts";
import type { Target } from "../model/index.ts";
import { advised } from "./advised.ts";
import { type Finder, type FinderContext, type Report, wholeLook } from "./finder.ts";
import { argumentsHash } from "./keep-targets.ts";
import type { SkippedCounts } from "./skipped-objects.ts";
import { socketReason, SocketTargets } from "./socket-targets.ts";
import { SourceTable } from "./source-table.ts";

export interface FindOnceOptions<Arguments> {
  readonly find: (args: Arguments, context: FinderContext) => Finder;
  readonly namesSockets: boolean;
  readonly context: FinderContext;
  readonly signal: AbortSignal;
}

/**
 * What a component would export after its first look, within the same bounds: for somebody who asks once. Nothing is tried again that ended
 * the look, and nothing is kept on the disk or taken from there.
 */
export async function findOnce<Arguments>(
  args: Arguments,
  { find, namesSockets, context, signal }: FindOnceOptions<Arguments>,
): Promise<FoundTargets> {
  const look = new Look(args, { namesSockets, context });
  const stop = AbortSignal.any([signal, look.over]);
  try {
    await find(args, context).run(stop, reportUntil(signal, look.report));
    await aborted(stop);
  } catch (thrown) {
    // Arguments that it cannot carry out.
    look.report.failed(wholeLook, thrown);
  }
  return look.result();
}

/** Gathers what a finder reports up to the end of its first look. */
class Look {
  readonly report: Report;
  readonly #end = new AbortController();
  readonly #sources: SourceTable;
  readonly #sockets: SocketTargets | undefined;
  readonly #clock: Clock;
  #failure: string | undefined;
  #skipped: SkippedCounts = new Map();

  constructor(args: unknown, { namesSockets, context }: Pick<FindOnceOptions<unknown>, "namesSockets" | "context">) {
    this.#sources = new SourceTable(argumentsHash(args));
    this.#sockets = namesSockets ? undefined : new SocketTargets(context);
    this.#clock = context.clock;
    this.report = {
      found: (source, targets, remark) => this.#found(source, targets, remark),
      gone: (source) => void this.#sources.gone(source),
      failed: (source, error) => this.#failed(source, errorMessage(advised(error))),
      skipped: (counts) => (this.#skipped = counts),
      // Where nothing came of it, that was reported source by source.
      complete: () => this.#end.abort(),
      // What failed would be asked again, and nothing is there from before.
      settled: (_isOver, isLookOver) => isLookOver && this.#end.abort(),
    };
  }

  /** Aborts when the look has come to its end. */
  get over(): AbortSignal {
    return this.#end.signal;
  }

  result(): FoundTargets {
    const statuses = this.#sources.statuses(limits.discoverySourcesShown);
    const failures = statuses.flatMap(({ name, lastError }) => toldOf(name, lastError));
    const sockets = this.#sockets?.count ?? 0;
    return {
      targets: this.#sources.targets(),
      isComplete: this.over.aborted,
      failures: this.#failure === undefined ? failures : [{ source: wholeLook, message: this.#failure }, ...failures],
      remarks: statuses.flatMap(({ name, remark }) => toldOf(name, remark)),
      skippedObjects: { ...Object.fromEntries(this.#skipped), ...(sockets > 0 && { [socketReason]: sockets }) },
    };
  }

  #found(source: string, found: readonly Target[], remark: string | undefined): boolean {
    const targets = this.#sockets?.without(source, found) ?? found;
    try {
      this.#sources.found(source, targets, { nowMs: this.#clock.now(), remark });
      return true;
    } catch (thrown) {
      this.#sources.refuse(source, errorMessage(thrown), this.#clock.now());
      return false;
    }
  }

  #failed(source: string, message: string): void {
    if (source !== wholeLook) return this.#sources.failed(source, message, this.#clock.now());
    this.#failure = message;
    this.#end.abort();
  }
}

/** What is given up when there is no more time has neither failed nor ended. */
function reportUntil(late: AbortSignal, report: Report): Report {
  return {
    ...report,
    failed: (source, error) => late.aborted || report.failed(source, error),
    complete: (failure) => late.aborted || report.complete(failure),
    settled: (isOver, isLookOver) => late.aborted || report.settled(isOver, isLookOver),
  };
}

function toldOf(source: string, message: string | undefined): FoundTargets["failures"] {
  return message === undefined ? [] : [{ source, message }];
}
