import { writeLimits } from "./limits.ts";

/** How much longer a rest becomes where even that was too fast, and how much shorter with each answer. */
const slower = 1.3;
const faster = 0.97;

/** So many answers in a row are usual at the limit. With more it seems to be gone, and each one counts for more than the one before. */
const usualAnswers = 8;

/** A shorter rest is none. */
const shortestRestMs = 20;

/**
 * How many requests the server is given at once: half as many after each time that it asked for less, one more after each window
 * of requests that it answered (additive increase, multiplicative decrease, as TCP does). Where one at a time is too fast still, there is
 * a rest between two of them. It becomes no longer while nothing passes: a server that takes nothing says nothing of how much it takes.
 * Thousands of boxes come back at once after an outage, and share one limit that none of them knows.
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
    if (this.#restMs === 0) this.#restMs = this.size(max) === 1 ? firstRestMs : 0;
    else if (this.#answered > 0) this.#restMs = Math.min(this.#restMs * slower, maxRestMs);
    this.#size = Math.max(1, Math.floor(this.size(max) / 2));
    this.#answered = 0;
  }

  answered(max: number): void {
    if (this.#restMs > 0) {
      this.#answered += 1;
      this.#restMs *= faster ** Math.max(1, this.#answered - usualAnswers);
      if (this.#restMs >= shortestRestMs) return;
      this.#restMs = 0;
      this.#answered = 0;
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
