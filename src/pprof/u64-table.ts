/** Chosen at start, so that a hostile target cannot prepare keys that all fall into one slot. */
const slotSeed = Math.trunc(Math.random() * 2 ** 32);

/**
 * A hash table keyed by 64-bit numbers (`lo` and `hi` halves), in flat arrays. Entries are numbered in the order they were
 * added; entry e begins at `words[e * stride]` with the key's halves, then come the words that belong to it.
 */
export class U64Table {
  readonly stride: number;
  readonly words: Uint32Array;
  /** Entry number plus one by slot; 0 is a free slot. Open addressing, at most four fifths full. */
  readonly #slots: Int32Array;
  #count = 0;

  /** Room for `capacity` entries; adding more is a mistake of the caller. */
  constructor(capacity: number, wordsPerEntry = 0) {
    this.stride = 2 + wordsPerEntry;
    this.words = new Uint32Array(capacity * this.stride);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 1.25 + 1)));
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.words.byteLength + this.#slots.byteLength;
  }

  /** What an entry takes at most: there are never more than 2.5 slots to an entry. */
  static maxBytesPerEntry(wordsPerEntry: number): number {
    return (2 + wordsPerEntry + 2.5) * 4;
  }

  /** The entry with this key, or -1. */
  find(lo: number, hi: number): number {
    return (this.#slots[this.#slotOf(lo, hi)] as number) - 1;
  }

  /** The entry with this key, which is a new one exactly when `count` has grown. */
  add(lo: number, hi: number): number {
    const slot = this.#slotOf(lo, hi);
    const found = (this.#slots[slot] as number) - 1;
    if (found >= 0) return found;
    const entry = this.#count++;
    this.#slots[slot] = entry + 1;
    this.words[entry * this.stride] = lo;
    this.words[entry * this.stride + 1] = hi;
    return entry;
  }

  #slotOf(lo: number, hi: number): number {
    const { words, stride } = this;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hash = Math.imul(lo ^ slotSeed, 0x9e3779b1) ^ hi;
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    let slot = (hash ^ (hash >>> 13)) & mask;
    for (;;) {
      const entry = (slots[slot] as number) - 1;
      if (entry < 0 || (words[entry * stride] === lo && words[entry * stride + 1] === hi)) return slot;
      slot = (slot + 1) & mask;
    }
  }
}
