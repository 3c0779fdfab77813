/**
 * Which records of one owner may be sent from disk. A record appears in the log a moment before whoever wrote it knows its number,
 * and is in memory until then, perhaps in flight: it must not be sent as if it were another profile. So a record counts once it
 * has been claimed; those of earlier processes count from the start.
 */
export class Claims {
  readonly #nextAfter: (number: number) => number | undefined;
  /** Every record up to here has been claimed, except those that are held back. */
  #upTo = 0;
  /** Beyond that: few, because records are claimed nearly in order. */
  readonly #beyond = new Set<number>();
  readonly #held = new Set<number>();

  /** `nextAfter`: the owner's next record in the log above a number. */
  constructor(nextAfter: (number: number) => number | undefined) {
    this.#nextAfter = nextAfter;
  }

  /** Claims everything that is in the log now. */
  claimAll(): void {
    for (let next = this.#nextAfter(this.#upTo); next !== undefined; next = this.#nextAfter(next)) this.#upTo = next;
  }

  /** Holds a record back that another owner wrote, until it is claimed. */
  hold(number: number): void {
    this.#held.add(number);
  }

  claim(number: number): void {
    this.#held.delete(number);
    if (number > this.#upTo) this.#beyond.add(number);
    for (let next = this.#nextAfter(this.#upTo); next !== undefined; next = this.#nextAfter(next)) {
      if (!this.#beyond.delete(next)) break;
      this.#upTo = next;
    }
  }

  /** The owner wants the record no more. */
  forget(number: number): void {
    this.#held.delete(number);
    this.#beyond.delete(number);
  }

  has(number: number): boolean {
    return !this.#held.has(number) && (number <= this.#upTo || this.#beyond.has(number));
  }
}
