import type { ComponentContext } from "../component/index.ts";
import type { Target } from "../model/index.ts";
import type { SkippedCounts } from "./skipped-objects.ts";

/** One way of finding targets: what a file of this room defines, made from its arguments. */
export interface Finder {
  /** Looks until `signal` aborts and reports what it finds. Must not reject: what goes wrong is reported. */
  run(signal: AbortSignal, report: Report): Promise<void>;
}

/** The name of no source: what fails is the look as a whole. */
export const wholeLook = "";

/** What a finder tells, as often as there is something to tell. */
export interface Report {
  /**
   * All targets of one source (a file, a name, a URL), in place of those it had before; an empty list is an answer. Whether they were taken:
   * above a limit the source keeps what it had, and its failure is noted. `remark` is why there are none, where that may be a mistake:
   * "no such name".
   */
  found(source: string, targets: readonly Target[], remark?: string): boolean;
  /** A source that is no more: its targets go. */
  gone(source: string): void;
  /**
   * A look failed: the source keeps its last good targets. The message says what, why and what to do; never a secret. The source
   * `wholeLook` stands for the look as a whole, of which every later `found` or `complete` is the end.
   */
  failed(source: string, error: unknown): void;
  /** All that was found and becomes no target, by reason, in place of what was told before. */
  skipped(counts: SkippedCounts): void;
  /**
   * Everything that is there now has been reported: targets still kept from an earlier finder or from the disk go where their source was
   * not named since. To be called after every look or list that did not fail as a whole; `polling` does it. `failure` is there where sources
   * were asked and none of them answered; each was reported.
   */
  complete(failure?: unknown): void;
  /**
   * Part of what is there has been reported: of the targets that would go with `complete`, those go whose source `isOver`. `isLookOver`: all
   * the rest has failed, was reported, and is asked again.
   */
  settled(isOver: (source: string) => boolean, isLookOver: boolean): void;
}

/** What a finder is made with. */
export type FinderContext = Pick<ComponentContext, "id" | "log" | "clock" | "userAgent" | "metrics">;
