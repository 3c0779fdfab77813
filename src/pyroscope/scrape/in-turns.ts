import { clearImmediate, setImmediate } from "node:timers";
import { type Clock, limits } from "../../base/index.ts";

/** Work that may be left at every `yield`, and gone on with later. */
export type Steps<Result = void> = Generator<undefined, Result, undefined>;

/** Does it in one go. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

export interface InTurnsOptions {
  readonly clock: Clock;
  /** Told of what is thrown in a later turn than the first one. */
  readonly failed: (error: unknown) => void;
}

/**
 * Does work as far as one turn of the event loop has time for it, and the rest in the turns that follow, so that thousands of targets hold
 * nothing up. One after the other: of what is asked for meanwhile the last counts, for it knows best.
 */
export class InTurns {
  readonly #options: InTurnsOptions;
  #now: Steps | undefined;
  #next: (() => Steps) | undefined;
  #turn: NodeJS.Immediate | undefined;

  constructor(options: InTurnsOptions) {
    this.#options = options;
  }

  /** Begins at once where nothing is under way. Throws what the work throws in this turn. */
  run(work: () => Steps): void {
    this.#next = work;
    if (!this.#turn) this.#workOn();
  }

  /** Leaves what is under way as far as it is. */
  stop(): void {
    clearImmediate(this.#turn);
    this.#turn = undefined;
    this.#now = undefined;
    this.#next = undefined;
  }

  #workOn(): void {
    const { clock } = this.#options;
    const endMs = clock.monotonic() + limits.scrapePlanTurnMs;
    try {
      while (this.#step()) if (clock.monotonic() >= endMs) break;
    } catch (thrown) {
      this.#now = undefined;
      throw thrown;
    } finally {
      if (this.#now || this.#next) this.#turn = setImmediate(() => this.#goOn());
    }
  }

  #goOn(): void {
    this.#turn = undefined;
    try {
      this.#workOn();
    } catch (thrown) {
      this.#options.failed(thrown);
    }
  }

  /** Whether there was anything to do. */
  #step(): boolean {
    if (!this.#now) {
      this.#now = this.#next?.();
      this.#next = undefined;
    }
    if (!this.#now) return false;
    if (this.#now.next().done) this.#now = undefined;
    return true;
  }
}
