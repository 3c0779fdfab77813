/** What a look passed over, by reason: `no_address`, `no_name`, `too_many_ports`. */
export class SkippedObjects {
  readonly #counts = new Map<string, number>();

  add(reason: string, count = 1): void {
    const sum = (this.#counts.get(reason) ?? 0) + count;
    if (sum === 0) this.#counts.delete(reason);
    else this.#counts.set(reason, sum);
  }

  /** Adds what another one has, or takes it away again. */
  addAll(others: SkippedObjects, sign: 1 | -1): void {
    for (const [reason, count] of others.#counts) this.add(reason, sign * count);
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  counts(): SkippedCounts {
    return new Map(this.#counts);
  }
}

export type SkippedCounts = ReadonlyMap<string, number>;
