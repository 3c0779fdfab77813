import { type Clock, limits } from "../../base/index.ts";
import type { Baseline } from "../../pprof/index.ts";
import { createRestartGuard, type GuardState, type RestartGuard } from "./restart-guard.ts";

/** What is remembered of one target and type. */
export interface Entry {
  baseline: Baseline | undefined;
  beforeRestart: Baseline | undefined;
  guard: RestartGuard;
  withheld: string | undefined;
  /** The baseline is one of an earlier run of the machine: how old it is, only the next profile's time can tell. */
  ofEarlierBoot: boolean;
  /** By a loop. */
  held: boolean;
  releasedAtMs: number;
}

interface Restored {
  readonly baseline?: Baseline;
  readonly guard?: GuardState;
  readonly ofEarlierBoot?: boolean;
}

export function newEntry({ baseline, guard, ofEarlierBoot = false }: Restored = {}): Entry {
  return {
    baseline,
    beforeRestart: undefined,
    guard: createRestartGuard(guard),
    withheld: undefined,
    ofEarlierBoot,
    held: false,
    releasedAtMs: 0,
  };
}

/** Looking for entries to drop costs time with many of them. */
const dropEveryMs = 60_000;

/** The entries of a table of baselines and the bytes they occupy: those that loops hold, and those that were released, which go first. */
export class BaselineEntries {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** Those without a loop, in the order in which they were released. */
  readonly #released = new Map<string, Entry>();
  #bytes = 0;
  #nextDropMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  all(): readonly (readonly [key: string, entry: Entry])[] {
    return [...this.#entries];
  }

  hold(key: string, entry: Entry): void {
    this.#add(key, entry);
    this.#released.delete(key);
    entry.held = true;
  }

  /** Most types have no baseline: of them nothing is worth keeping. */
  release(key: string, entry: Entry): void {
    if (remembersNothing(entry)) return this.drop(key, entry);
    this.#add(key, entry);
    this.#released.set(key, entry);
    entry.held = false;
    entry.releasedAtMs = this.#clock.monotonic();
  }

  /** Changes an entry, and with it what all occupy. */
  change(entry: Entry, how: () => void): void {
    this.#bytes -= bytesOf(entry);
    how();
    this.#bytes += bytesOf(entry);
  }

  drop(key: string, entry: Entry): void {
    this.#bytes -= bytesOf(entry);
    this.#entries.delete(key);
    this.#released.delete(key);
  }

  /** Drops what was released too long ago, now and then. */
  dropExpired(): void {
    const nowMs = this.#clock.monotonic();
    if (nowMs < this.#nextDropMs) return;
    this.#nextDropMs = nowMs + dropEveryMs;
    for (const [key, entry] of this.#released) {
      if (entry.releasedAtMs > nowMs - limits.baselineAgeMs) return;
      this.drop(key, entry);
    }
  }

  /** Targets that left give way to those that are scraped, the longest gone first, until as many bytes are free. */
  makeRoom(wantedBytes: number): void {
    for (const [key, entry] of this.#released) {
      if (limits.baselinesBytes - this.#bytes >= wantedBytes) return;
      this.drop(key, entry);
    }
  }

  #add(key: string, entry: Entry): void {
    if (this.#entries.has(key)) return;
    this.#entries.set(key, entry);
    this.#bytes += bytesOf(entry);
  }
}

function remembersNothing({ baseline, beforeRestart, guard }: Entry): boolean {
  return !baseline && !beforeRestart && guard.state.history.length === 0;
}

function bytesOf({ baseline, beforeRestart }: Entry): number {
  return (baseline?.bytes ?? 0) + (beforeRestart?.bytes ?? 0);
}
