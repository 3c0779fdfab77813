import { writeLimits } from "./limits.ts";

/** How much longer a rest becomes where even that was too fast, and how much shorter with each answer. */
const slower = 1.3;
const faster = 0.97;

/** A shorter rest is none. */
const shortestRestMs = 20;

/**
 * How many requests the server is given at once: half as many after each time that it asked for less, one more after each window
 * of requests that it answered (additive increase, multiplicative decrease, as TCP does). Where one at a time is too fast still, there is
 * a rest between two of them. Thousands of boxes come back at once after an outage, and share one limit that none of them knows.
 */
export class SendWindow {
  #size = Number.POSITIVE_INFINITY;
  #answered = 0;
  #restMs = 0;

  /** Requests at once, within the configured bound. */
  size(max: number): number {
    return Math.min(this.#size, max);
  }

  /** How long after the start of a request the next one may start. */
  get restMs(): number {
    return this.#restMs;
  }

  halve(max: number): void {
    const { firstRestMs, maxRestMs } = writeLimits;
    if (this.size(max) === 1) this.#restMs = Math.min(Math.max(firstRestMs, this.#restMs * slower), maxRestMs);
    this.#size = Math.max(1, Math.floor(this.size(max) / 2));
    this.#answered = 0;
  }

  answered(max: number): void {
    if (this.#restMs > 0) {
      this.#restMs *= faster;
      if (this.#restMs < shortestRestMs) this.#restMs = 0;
      return;
    }
    if (this.#size >= max) return;
    this.#answered += 1;
    if (this.#answered < this.#size) return;
    this.#size += 1;
    this.#answered = 0;
  }

  /** Back to the configured bound. */
  forget(): void {
    this.#size = Number.POSITIVE_INFINITY;
    this.#answered = 0;
    this.#restMs = 0;
  }
}
