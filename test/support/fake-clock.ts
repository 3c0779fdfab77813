import type { Clock, Timer } from "../../src/base/index.ts";

interface Scheduled {
  readonly dueMs: number;
  readonly callback: () => void;
}

/**
 * A clock that tests turn by hand. All its times advance together through `advance`; `jumpWall` moves the wall alone, as a corrected
 * box clock does, and `suspend` all but the monotonic time, as a box that sleeps does.
 */
export class FakeClock implements Clock {
  #monotonicMs = 0;
  #wallOffsetMs: number;
  #sleptMs = 0;
  // Insertion order breaks ties, so timers of one instant fire in the order they were set.
  readonly #timers = new Set<Scheduled>();

  constructor(startMs = Date.UTC(2030, 0, 1)) {
    this.#wallOffsetMs = startMs;
  }

  now(): number {
    return this.#wallOffsetMs + this.#monotonicMs;
  }

  monotonic(): number {
    return this.#monotonicMs;
  }

  uptime(): number {
    return this.#monotonicMs + this.#sleptMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const scheduled = { dueMs: this.#monotonicMs + Math.max(delayMs, 0), callback };
    this.#timers.add(scheduled);
    return { cancel: () => void this.#timers.delete(scheduled) };
  }

  /** How many timers are set: zero at the end of a test means that nothing was left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  /** The time until the next timer fires; `undefined` where none is set. */
  get nextMs(): number | undefined {
    const next = this.#next();
    return next && next.dueMs - this.#monotonicMs;
  }

  /** Moves the wall clock without letting time pass. */
  jumpWall(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** The machine sleeps so long: no timer runs. */
  suspend(ms: number): void {
    this.#wallOffsetMs += ms;
    this.#sleptMs += ms;
  }

  /** The process does not run for so long, or does something else: timers that fall due meanwhile fire late, all at once, at the next `advance`. */
  stall(ms: number): void {
    this.#monotonicMs += ms;
  }

  /** Lets `ms` pass: timers fire in order at their own time, and what they start settles before the next one fires. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#monotonicMs + ms;
    await settle();
    for (let next = this.#next(); next && next.dueMs <= untilMs; next = this.#next()) {
      this.#timers.delete(next);
      this.#monotonicMs = Math.max(this.#monotonicMs, next.dueMs);
      next.callback();
      await settle();
    }
    this.#monotonicMs = untilMs;
  }

  #next(): Scheduled | undefined {
    let first: Scheduled | undefined;
    for (const timer of this.#timers) if (!first || timer.dueMs < first.dueMs) first = timer;
    return first;
  }
}

/** Lets promise chains that wait for nothing outside the process run to their end. Real I/O needs its own waiting. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
