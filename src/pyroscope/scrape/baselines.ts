import { type Clock, limits } from "../../base/index.ts";
import type { Baseline } from "../../pprof/index.ts";
import { type Comparison, createRestartGuard, type GuardState, type RestartGuard } from "./restart-guard.ts";

/**
 * The memory that deltas are computed against, for all scrape components: one slot per component, final URL and type. It outlives
 * the loops, so that a reload, relabelling and a target that flaps do not cost an interval, and is bounded in bytes and in the
 * time that a slot without a loop is kept. With `saved` and `restore` it outlives the process too.
 */
export interface BaselineTable {
  /** The slot of `key`, taken until `release`. While another loop holds that key (two targets with one URL) `fallbackKey` is used. */
  acquire(key: string, fallbackKey: string): BaselineSlot;
  /** Bytes held, and slots. */
  readonly bytes: number;
  readonly size: number;
  /** What the slots hold that are not too old, for another process to go on with. */
  saved(): readonly SavedSlot[];
  /** Makes slots that count as released now, as many as the bounds allow; returns how many. */
  restore(slots: readonly SavedSlot[]): number;
}

/** A slot without what only matters while the process lives. */
export interface SavedSlot {
  readonly key: string;
  readonly baseline: Baseline;
  readonly guard: GuardState;
}

export interface BaselineSlot {
  readonly baseline: Baseline | undefined;
  /** The baseline that a recent restart made useless: a profile that continues it comes from another process. */
  readonly beforeRestart: Baseline | undefined;
  readonly guard: RestartGuard;
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

interface Entry {
  baseline: Baseline | undefined;
  beforeRestart: Baseline | undefined;
  guard: RestartGuard;
  withheld: string | undefined;
  held: boolean;
  releasedAtMs: number;
}

function newEntry({ baseline, guard }: Partial<SavedSlot> = {}): Entry {
  return {
    baseline,
    beforeRestart: undefined,
    guard: createRestartGuard(guard),
    withheld: undefined,
    held: false,
    releasedAtMs: 0,
  };
}

function bytesOf({ baseline, beforeRestart }: Entry): number {
  return (baseline?.bytes ?? 0) + (beforeRestart?.bytes ?? 0);
}

/** Looking for slots to drop costs time with many of them. */
const dropEveryMs = 60_000;

export function createBaselineTable(clock: Clock): BaselineTable {
  const entries = new Map<string, Entry>();
  let bytes = 0;
  let nextDropMs = 0;

  const dropExpired = (): void => {
    const nowMs = clock.monotonic();
    nextDropMs = nowMs + dropEveryMs;
    for (const [key, entry] of entries) {
      if (entry.held || entry.releasedAtMs > nowMs - limits.baselineAgeMs) continue;
      bytes -= bytesOf(entry);
      entries.delete(key);
    }
  };

  const slotOf = (key: string, entry: Entry): BaselineSlot => ({
    get baseline() {
      return entry.baseline;
    },
    get beforeRestart() {
      return entry.beforeRestart;
    },
    guard: entry.guard,
    get withheld() {
      return entry.withheld;
    },
    set withheld(why) {
      entry.withheld = why;
    },
    get maxBytes() {
      return Math.min(limits.baselineBytes, limits.baselinesBytes - bytes + (entry.baseline?.bytes ?? 0));
    },
    commit(next, comparison) {
      bytes -= bytesOf(entry);
      if (comparison) entry.guard.note(comparison);
      if (comparison === "restarted") entry.beforeRestart = entry.baseline;
      if (!entry.guard.watches) entry.beforeRestart = undefined;
      entry.baseline = next;
      bytes += bytesOf(entry);
    },
    release() {
      entry.held = false;
      entry.releasedAtMs = clock.monotonic();
    },
    forget() {
      bytes -= bytesOf(entry);
      entries.delete(key);
    },
  });

  return {
    acquire(key, fallbackKey) {
      if (clock.monotonic() >= nextDropMs) dropExpired();
      const usedKey = entries.get(key)?.held ? fallbackKey : key;
      const entry = entries.get(usedKey) ?? newEntry();
      entry.held = true;
      entries.set(usedKey, entry);
      return slotOf(usedKey, entry);
    },
    get bytes() {
      return bytes;
    },
    get size() {
      return entries.size;
    },
    saved() {
      dropExpired();
      return [...entries].flatMap(([key, { baseline, guard }]) =>
        baseline ? [{ key, baseline, guard: guard.state }] : [],
      );
    },
    restore(slots) {
      const before = entries.size;
      for (const slot of slots) {
        const size = slot.baseline.bytes;
        if (entries.has(slot.key) || size > limits.baselineBytes || bytes + size > limits.baselinesBytes) continue;
        entries.set(slot.key, { ...newEntry(slot), releasedAtMs: clock.monotonic() });
        bytes += size;
      }
      return entries.size - before;
    },
  };
}
