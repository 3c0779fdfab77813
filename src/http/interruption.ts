import type { Clock, Timer } from "../base/index.ts";

/**
 * What may end a request before its response is there: its deadline or its signal. One timer and one listener for the whole
 * request, however many hops it takes; `release` takes both back, so that a signal may live as long as the process.
 */
export class Interruption {
  /** Set once the request must end. */
  reason: "timeout" | "canceled" | undefined;
  /** Called when that happens. */
  onInterrupt: (() => void) | undefined;
  timeoutMs: number;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  #timer: Timer;

  constructor({ timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal }, clock: Clock) {
    this.timeoutMs = timeoutMs;
    this.#signal = signal;
    this.#clock = clock;
    this.#timer = clock.after(timeoutMs, () => this.#interrupt("timeout"));
    if (signal.aborted) this.reason = "canceled";
    else signal.addEventListener("abort", this.#onAbort);
  }

  /** What `promise` gives, or the interruption as the error that `toError` makes of it; `promise` then goes on unheard. */
  race<T>(promise: Promise<T>, toError: (reason: "timeout" | "canceled") => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const interrupt = (): void => reject(toError(this.reason ?? "canceled"));
      const settled = (): void => {
        if (this.onInterrupt === interrupt) this.onInterrupt = undefined;
      };
      this.onInterrupt = interrupt;
      if (this.reason) interrupt();
      promise.finally(settled).then(resolve, reject);
    });
  }

  /** Sets another deadline, from now on. */
  extend(timeoutMs: number): void {
    this.timeoutMs = timeoutMs;
    this.#timer.cancel();
    this.#timer = this.#clock.after(timeoutMs, () => this.#interrupt("timeout"));
  }

  release(): void {
    this.#timer.cancel();
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => this.#interrupt("canceled");

  #interrupt(reason: "timeout" | "canceled"): void {
    this.reason ??= reason;
    this.onInterrupt?.();
  }
}
