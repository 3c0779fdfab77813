import type { Segment } from "./segment.ts";

/** The segments of a log, oldest first, and what can be said of all of them. */
export class SegmentIndex {
  #segments: Segment[] = [];

  get segments(): readonly Segment[] {
    return this.#segments;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** Segments whose numbers are all above those of the ones that are there. */
  add(...segments: Segment[]): void {
    this.#segments.push(...segments);
  }

  remove(segment: Segment): void {
    this.#segments = this.#segments.filter((other) => other !== segment);
  }

  has(segment: Segment): boolean {
    return this.#segments.includes(segment);
  }

  /** The segment of a record that is there. */
  find(number: number): Segment | undefined {
    const segment = this.#segments[this.#atOrBefore(number)];
    return segment && segment.slots.bytesOf(number - segment.first) > 0 ? segment : undefined;
  }

  /** The first record from `from` on that the owner wants. */
  next(owner: string, from: number): number | undefined {
    for (let at = Math.max(0, this.#atOrBefore(from)); at < this.#segments.length; at++) {
      const segment = this.#segments[at] as Segment;
      const slot = segment.next(owner, Math.max(0, from - segment.first));
      if (slot !== undefined) return segment.first + slot;
    }
    return undefined;
  }

  owners(): string[] {
    return [...new Set(this.#segments.flatMap((segment) => [...segment.owners()]))];
  }

  usage(owner: string): { readonly records: number; readonly bytes: number } {
    let [records, bytes] = [0, 0];
    for (const segment of this.#segments) {
      const part = segment.usage(owner);
      records += part?.records ?? 0;
      bytes += part?.bytes ?? 0;
    }
    return { records, bytes };
  }

  /** Where the last segment that begins at or before `number` stands; -1 where there is none. */
  #atOrBefore(number: number): number {
    let [low, high] = [0, this.#segments.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#segments[middle] as Segment).first <= number) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
