import { setImmediate } from "node:timers";
import { type Clock, limits } from "../../base/index.ts";

/** Work that may be left at every `yield`, and gone on with later. */
export type Work<Result = void> = Generator<undefined, Result, undefined>;

/** Does it in one go. */
export function atOnce<Result>(work: Work<Result>): Result {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/**
 * The turns of the event loop, for all components that work in turns: together they take `limits.scrapePlanTurnMs` of each, so that thousands
 * of targets hold nothing up. Work is done to its end before that of the next component begins.
 */
export class Turns {
  readonly #clock: Clock;
  /** Those with something to do, the first in the first place. */
  readonly #waiting = new Set<InTurns>();
  /** When the time of this turn is up. */
  #endMs = 0;
  /** The next turn: set as soon as time of this one is taken. */
  #next: NodeJS.Immediate | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Its work begins at once where nothing is under way and this turn has time left. */
  enter(one: InTurns): void {
    this.#waiting.add(one);
    if (this.#hasTime()) this.#workOn();
  }

  leave(one: InTurns): void {
    this.#waiting.delete(one);
  }

  #hasTime(): boolean {
    return this.#next === undefined || this.#clock.monotonic() < this.#endMs;
  }

  #workOn(): void {
    if (this.#next === undefined) {
      this.#endMs = this.#clock.monotonic() + limits.scrapePlanTurnMs;
      this.#next = setImmediate(() => this.#goOn());
    }
    do {
      const [first] = this.#waiting;
      if (!first) return;
      if (first.step()) continue;
      this.#waiting.delete(first);
      // Behind the others, who have waited for longer.
      if (first.isDue) this.#waiting.add(first);
    } while (this.#hasTime());
  }

  #goOn(): void {
    this.#next = undefined;
    if (this.#waiting.size > 0) this.#workOn();
  }
}

export interface InTurnsOptions {
  readonly turns: Turns;
  /** Told of what is thrown in a later turn than the first one. */
  readonly failed: (error: unknown) => void;
}

/** The work of one component, one after the other: of what is asked for meanwhile the last counts, for it knows best. */
export class InTurns {
  readonly #options: InTurnsOptions;
  #now: Work | undefined;
  #next: (() => Work) | undefined;
  #isAsking = false;

  constructor(options: InTurnsOptions) {
    this.#options = options;
  }

  /** Throws what the work throws where it begins at once, in this turn. */
  run(work: () => Work): void {
    this.#next = work;
    this.#isAsking = true;
    try {
      this.#options.turns.enter(this);
    } finally {
      this.#isAsking = false;
    }
  }

  /** Leaves what is under way as far as it is. */
  stop(): void {
    this.#options.turns.leave(this);
    this.#now = undefined;
    this.#next = undefined;
  }

  /** Whether there is work that has not begun. */
  get isDue(): boolean {
    return this.#next !== undefined;
  }

  /** Goes on by one step; whether there are more of the same work. */
  step(): boolean {
    try {
      this.#now ??= this.#begun();
      if (this.#now && !this.#now.next().done) return true;
      this.#now = undefined;
    } catch (thrown) {
      this.#now = undefined;
      if (this.#isAsking) throw thrown;
      this.#options.failed(thrown);
    }
    return false;
  }

  #begun(): Work | undefined {
    const work = this.#next?.();
    this.#next = undefined;
    return work;
  }
}
