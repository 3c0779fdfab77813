import { type Clock, limits } from "../../base/index.ts";
import type { Baseline } from "../../pprof/index.ts";
import { createRestartGuard, type GuardState, type RestartGuard } from "./restart-guard.ts";

/** What is remembered of one target and type. */
export interface Entry {
  /** What it may be used for: one component's scrapes of one URL and type. Where targets share a URL, there are several. */
  readonly group: string;
  /** Of these scrapes the one whose it is, or was last. */
  series: string;
  baseline: Baseline | undefined;
  beforeRestart: Baseline | undefined;
  guard: RestartGuard;
  withheld: string | undefined;
  /** The baseline is one of an earlier run of the machine: how old it is, only the next profile's time can tell. */
  ofEarlierBoot: boolean;
  /** By a loop. */
  held: boolean;
  releasedAtMs: number;
  /** The number of its last commit: the greatest of a group has what was pushed last. */
  committed: number;
}

interface NewEntry {
  readonly group: string;
  readonly series: string;
  readonly baseline?: Baseline;
  readonly guard?: GuardState;
  readonly ofEarlierBoot?: boolean;
  readonly releasedAtMs?: number;
  readonly committed?: number;
}

export function newEntry({ guard, ...given }: NewEntry): Entry {
  return {
    baseline: undefined,
    ofEarlierBoot: false,
    releasedAtMs: 0,
    committed: 0,
    ...given,
    beforeRestart: undefined,
    guard: createRestartGuard(guard),
    withheld: undefined,
    held: false,
  };
}

/** Looking for entries to drop costs time with many of them. */
const dropEveryMs = 60_000;

/** The entries of a table of baselines and the bytes they occupy: those that loops hold, and those that were released, which go first. */
export class BaselineEntries {
  readonly #clock: Clock;
  readonly #groups = new Map<string, readonly Entry[]>();
  /** Those without a loop, in the order in which they were released. */
  readonly #released = new Set<Entry>();
  /** Those that remember the process before a restart, in the order in which these restarted. */
  readonly #restarted = new Set<Entry>();
  #size = 0;
  #bytes = 0;
  #commits = 0;
  #nextDropMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#size;
  }

  has(group: string): boolean {
    return this.#groups.has(group);
  }

  all(): readonly Entry[] {
    return [...this.#groups.values()].flat();
  }

  forget(group: string): void {
    for (const entry of this.#freeOf(group)) this.drop(entry);
  }

  /**
   * For a loop: of the free ones of its group that of its own series, else the one committed last, else a new one. That of another series only where
   * nobody has committed since, for what has grown since then has been pushed.
   */
  hold(group: string, series: string): Entry {
    const [latest] = this.#of(group).toSorted((a, b) => b.committed - a.committed);
    const own = this.#freeOf(group).find((entry) => entry.series === series);
    const entry = own ?? (latest && !latest.held ? latest : this.#add(newEntry({ group, series })));
    this.#released.delete(entry);
    entry.held = true;
    entry.series = series;
    return entry;
  }

  /** Most types have no baseline: of them nothing is worth keeping. */
  release(entry: Entry): void {
    if (remembersNothing(entry)) return this.drop(entry);
    this.#released.add(entry);
    entry.held = false;
    entry.releasedAtMs = this.#clock.monotonic();
  }

  /** Adds those that another process released. */
  restore(entries: readonly Entry[]): void {
    for (const entry of entries.toSorted((a, b) => a.releasedAtMs - b.releasedAtMs))
      this.#released.add(this.#add(entry));
  }

  /** Changes an entry, and with it what all occupy. */
  commit(entry: Entry, change: () => void): void {
    this.#change(entry, change);
    entry.committed = ++this.#commits;
    if (!entry.beforeRestart) this.#restarted.delete(entry);
    else this.#restarted.add(entry);
    this.makeRoom(0);
  }

  drop(entry: Entry): void {
    const { group } = entry;
    const others = this.#of(group).filter((other) => other !== entry);
    if (others.length > 0) this.#groups.set(group, others);
    else this.#groups.delete(group);
    this.#released.delete(entry);
    this.#restarted.delete(entry);
    this.#size--;
    this.#bytes -= bytesOf(entry);
  }

  /** Drops what was released too long ago, now and then. */
  dropExpired(): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs < this.#nextDropMs) return;
    this.#nextDropMs = nowMs + dropEveryMs;
    for (const entry of this.#released) {
      if (entry.releasedAtMs > nowMs - limits.baselineAgeMs) return;
      this.drop(entry);
    }
  }

  /**
   * Until as many bytes are free, first targets that left give way to those that are scraped, the longest gone first, then processes from before a
   * restart to those that run.
   */
  makeRoom(wantedBytes: number): void {
    const isEnough = (): boolean => limits.baselinesBytes - this.#bytes >= wantedBytes;
    for (const entry of this.#released) {
      if (isEnough()) return;
      this.drop(entry);
    }
    for (const entry of this.#restarted) {
      if (isEnough()) return;
      this.#change(entry, () => (entry.beforeRestart = undefined));
      this.#restarted.delete(entry);
    }
  }

  #of(group: string): readonly Entry[] {
    return this.#groups.get(group) ?? [];
  }

  #freeOf(group: string): readonly Entry[] {
    return this.#of(group).filter(({ held }) => !held);
  }

  #add(entry: Entry): Entry {
    this.#groups.set(entry.group, [...this.#of(entry.group), entry]);
    this.#size++;
    this.#bytes += bytesOf(entry);
    return entry;
  }

  #change(entry: Entry, change: () => void): void {
    this.#bytes -= bytesOf(entry);
    change();
    this.#bytes += bytesOf(entry);
  }
}

function remembersNothing({ baseline, beforeRestart, guard }: Entry): boolean {
  return !baseline && !beforeRestart && guard.state.history.length === 0;
}

function bytesOf({ baseline, beforeRestart }: Entry): number {
  return (baseline?.bytes ?? 0) + (beforeRestart?.bytes ?? 0);
}
