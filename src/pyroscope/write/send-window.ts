/**
 * How many requests the server is given at once: half as many after each time that it asked for less, one more after each window
 * of requests that it answered (additive increase, multiplicative decrease, as TCP does). Thousands of boxes come back at once
 * after an outage, and share one limit that none of them knows.
 */
export class SendWindow {
  #size = Number.POSITIVE_INFINITY;
  #answered = 0;

  /** Requests at once, within the configured bound. */
  size(max: number): number {
    return Math.min(this.#size, max);
  }

  halve(max: number): void {
    this.#size = Math.max(1, Math.floor(this.size(max) / 2));
    this.#answered = 0;
  }

  answered(max: number): void {
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
  }
}
