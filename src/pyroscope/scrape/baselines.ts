import { createHash } from "node:crypto";
import { type Clock, limits } from "../../base/index.ts";
import type { Baseline } from "../../pprof/index.ts";
import { BaselineEntries, type Entry, newEntry } from "./baseline-entries.ts";
import type { Comparison, GuardState, RestartGuard } from "./restart-guard.ts";

/**
 * The memory that deltas are computed against, for all scrape components: one slot per component, final URL and type. It outlives
 * the loops, so that a reload, relabelling and a target that flaps do not cost an interval, and is bounded in bytes and in the
 * time that a slot without a loop is kept. With `saved` and `restore` it outlives the process too.
 */
export interface BaselineTable {
  /** The slot of that name, taken until `release`. While another loop holds it (two targets with one URL) that of `fallbackName`. */
  acquire(name: string, fallbackName: string): BaselineSlot;
  /** Bytes held, and slots. */
  readonly bytes: number;
  readonly size: number;
  /** What the slots hold that are not too old, for another process to go on with. */
  saved(): readonly SavedSlot[];
  /**
   * Makes slots that count as released now, as many as the bounds allow; returns how many. Of an earlier run of the machine nobody knows
   * how old they are, so that the time of the next profile decides.
   */
  restore(slots: readonly SavedSlot[], options?: { readonly ofEarlierBoot?: boolean }): number;
}

/** A slot without what only matters while the process lives. */
export interface SavedSlot {
  /** A hash: the URL in it may hold a token. */
  readonly key: string;
  readonly baseline: Baseline;
  readonly guard: GuardState;
}

export interface BaselineSlot {
  readonly baseline: Baseline | undefined;
  /** The baseline that a recent restart made useless: a profile that continues it comes from another process. */
  readonly beforeRestart: Baseline | undefined;
  readonly guard: RestartGuard;
  /** Whether the baseline is only good where the profile's time is near to its own. */
  readonly ofEarlierBoot: boolean;
  /** Why delta columns are not sent now, in words. */
  withheld: string | undefined;
  /** What the next baseline may occupy: the slot's own bound, or less where all slots together are near theirs. */
  readonly maxBytes: number;
  /** Replaces the baseline: only after the receiver has accepted what was computed from it; and notes how it compared. */
  commit(next: Baseline | undefined, comparison?: Comparison): void;
  release(): void;
  /** Releases it and remembers nothing: somebody else goes on with this target. */
  forget(): void;
}

export function createBaselineTable(clock: Clock): BaselineTable {
  const entries = new BaselineEntries(clock);
  return {
    acquire(name, fallbackName) {
      entries.dropExpired();
      const key = hashOf(name);
      const usedKey = entries.get(key)?.held ? hashOf(fallbackName) : key;
      const entry = entries.get(usedKey) ?? newEntry();
      entries.hold(usedKey, entry);
      return slotOf(usedKey, { entry, entries });
    },
    get bytes() {
      return entries.bytes;
    },
    get size() {
      return entries.size;
    },
    saved() {
      entries.dropExpired();
      return entries
        .all()
        .flatMap(([key, { baseline, guard, ofEarlierBoot }]) =>
          baseline && !ofEarlierBoot ? [{ key, baseline, guard: guard.state }] : [],
        );
    },
    restore(slots, { ofEarlierBoot = false } = {}) {
      const before = entries.size;
      for (const slot of slots) {
        const { bytes } = slot.baseline;
        const fits = bytes <= limits.baselineBytes && entries.bytes + bytes <= limits.baselinesBytes;
        if (fits && !entries.get(slot.key)) entries.release(slot.key, newEntry({ ...slot, ofEarlierBoot }));
      }
      return entries.size - before;
    },
  };
}

function hashOf(name: string): string {
  return createHash("sha256").update(name).digest("base64url");
}

interface SlotOptions {
  readonly entry: Entry;
  readonly entries: BaselineEntries;
}

function slotOf(key: string, { entry, entries }: SlotOptions): BaselineSlot {
  return {
    get baseline() {
      return entry.baseline;
    },
    get beforeRestart() {
      return entry.beforeRestart;
    },
    guard: entry.guard,
    get ofEarlierBoot() {
      return entry.ofEarlierBoot;
    },
    get withheld() {
      return entry.withheld;
    },
    set withheld(why) {
      entry.withheld = why;
    },
    get maxBytes() {
      const own = entry.baseline?.bytes ?? 0;
      entries.makeRoom(limits.baselineBytes - own);
      return Math.min(limits.baselineBytes, limits.baselinesBytes - entries.bytes + own);
    },
    commit(next, comparison) {
      entries.change(entry, () => {
        if (comparison) entry.guard.note(comparison);
        if (comparison === "restarted") entry.beforeRestart = entry.baseline;
        if (!entry.guard.watches) entry.beforeRestart = undefined;
        entry.baseline = next;
        entry.ofEarlierBoot = false;
      });
    },
    release: () => entries.release(key, entry),
    forget: () => entries.drop(key, entry),
  };
}
