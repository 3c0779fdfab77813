import type { Clock } from "./clock.ts";

export interface QuietOptions {
  /** How long the first ring is waited for. */
  readonly withinMs: number;
  /** No ring for so long is quiet. */
  readonly quietMs: number;
  /** Quiet is not waited for longer. */
  readonly longestMs: number;
}

/** Rung by one side, heard by the other; what was rung while nobody listened is heard once. */
export class Bell {
  readonly #clock: Clock;
  #rung = false;
  #hear: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rung = true;
    this.#hear();
  }

  /** Whether it rings within `ms`. One listener at a time. */
  rings(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#hear = () => {};
        resolve(this.#rung);
        this.#rung = false;
      };
      const timer = this.#clock.after(ms, done);
      this.#hear = done;
      if (this.#rung) done();
    });
  }

  /** Resolves when it rang and then rested for a moment, when it did not ring, or at once when `signal` aborts and somebody rings. */
  async untilQuiet({ withinMs, quietMs, longestMs }: QuietOptions, signal: AbortSignal): Promise<void> {
    if (!(await this.rings(withinMs))) return;
    const untilMs = this.#clock.monotonic() + longestMs;
    while (!signal.aborted && this.#clock.monotonic() < untilMs && (await this.rings(quietMs)));
  }
}
