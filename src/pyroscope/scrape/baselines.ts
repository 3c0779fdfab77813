import { createHash } from "node:crypto";
import { type Clock, limits } from "../../base/index.ts";
import type { Baseline } from "../../pprof/index.ts";
import { BaselineEntries, type Entry, newEntry } from "./baseline-entries.ts";
import type { Comparison, GuardState, RestartGuard } from "./restart-guard.ts";

/**
 * The memory that deltas are computed against, for all scrape components: slots by component, final URL and type, one for each loop. It outlives
 * the loops, so that a reload, relabelling and a target that flaps do not cost an interval, and is bounded in bytes and in the
 * time that a slot without a loop is kept. With `saved` and `restore` it outlives the process too.
 */
export interface BaselineTable {
  /**
   * A slot of that name, taken until `release`. The loops of targets that share a URL have one each, of equal names: of those that are free a loop gets
   * the one that `series` had, else the one committed last of all, so that it does not push again what another one has pushed, or is pushing.
   */
  acquire(name: string, series: string): BaselineSlot;
  /** Forgets what no loop has of that name: somebody else pushed what has grown since. */
  forget(name: string): void;
  /** Bytes held, and slots. */
  readonly bytes: number;
  readonly size: number;
  /** What the slots hold that are not too old, for another process to go on with; the one committed last first. */
  saved(): readonly SavedSlot[];
  /**
   * Makes slots of them that count as released, as many as the bounds allow; returns how many. Of an earlier run of the machine nobody knows
   * how old they are, so that the time of the next profile decides.
   */
  restore(slots: readonly SavedSlot[], options?: { readonly ofEarlierBoot?: boolean }): number;
}

/** A slot without what only matters while the process lives. */
export interface SavedSlot {
  /** Hashes of its name and its series: the URL in them may hold a token. */
  readonly group: string;
  readonly series: string;
  /** Since its loop ended. */
  readonly ageMs: number;
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
  /** The loop goes on as another series. */
  rename(series: string): void;
  release(): void;
  /** Releases it and remembers nothing: somebody else goes on with this target. */
  forget(): void;
}

export function createBaselineTable(clock: Clock): BaselineTable {
  const entries = new BaselineEntries(clock);
  return {
    acquire(name, series) {
      entries.dropExpired();
      return slotOf(entries.hold(hashOf(name), hashOf(series)), entries);
    },
    forget: (name) => entries.forget(hashOf(name)),
    get bytes() {
      return entries.bytes;
    },
    get size() {
      return entries.size;
    },
    saved() {
      const nowMs = clock.monotonic();
      return entries
        .all()
        .toSorted((a, b) => b.committed - a.committed)
        .flatMap(({ group, series, baseline, guard, ofEarlierBoot, held, releasedAtMs }) => {
          const ageMs = held ? 0 : nowMs - releasedAtMs;
          const isUsable = ageMs <= limits.baselineAgeMs && !ofEarlierBoot;
          return baseline && isUsable ? [{ group, series, ageMs, baseline, guard: guard.state }] : [];
        });
    },
    restore(slots, { ofEarlierBoot = false } = {}) {
      const nowMs = clock.monotonic();
      const restored: Entry[] = [];
      let bytes = entries.bytes;
      for (const [index, { ageMs, ...slot }] of slots.entries()) {
        const own = slot.baseline.bytes;
        if (own > limits.baselineBytes || bytes + own > limits.baselinesBytes || entries.has(slot.group)) continue;
        bytes += own;
        restored.push(newEntry({ ...slot, ofEarlierBoot, releasedAtMs: nowMs - ageMs, committed: -index }));
      }
      entries.restore(restored);
      return restored.length;
    },
  };
}

function hashOf(name: string): string {
  return createHash("sha256").update(name).digest("base64url");
}

function slotOf(entry: Entry, entries: BaselineEntries): BaselineSlot {
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
      entries.commit(entry, () => {
        if (comparison) entry.guard.note(comparison);
        if (comparison === "restarted") entry.beforeRestart = entry.baseline;
        if (!entry.guard.watches) entry.beforeRestart = undefined;
        entry.baseline = next;
        entry.ofEarlierBoot = false;
      });
    },
    rename(series) {
      entry.series = hashOf(series);
    },
    release: () => entries.release(entry),
    forget: () => entries.drop(entry),
  };
}
