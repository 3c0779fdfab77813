import { type Arrays, ownArrays } from "./arrays.ts";

/** Chosen at start, so that a hostile target cannot prepare keys that all fall into one slot. */
const slotSeed = Math.trunc(Math.random() * 2 ** 32);

/**
 * A hash table keyed by 64-bit numbers (`lo` and `hi` halves), in flat arrays. Entries are numbered in the order they were
 * added; entry e begins at `words[e * stride]` with the key's halves, then come the words that belong to it.
 *
 * Ids in a profile are nearly always 1, 2, 3 and so on: as long as keys come like that, each tells its own place, and nothing
 * is hashed.
 */
export class U64Table {
  readonly stride: number;
  readonly words: Uint32Array;
  readonly #capacity: number;
  readonly #arrays: Arrays;
  /**
   * Entry number plus one by slot; 0 is a free slot. Open addressing, at most four fifths full. Absent as long as every key is its
   * entry's number plus one.
   */
  #slots: Uint32Array | undefined;
  #count = 0;

  /** Room for `capacity` entries; adding more is a mistake of the caller. */
  constructor(capacity: number, wordsPerEntry = 0, arrays: Arrays = ownArrays) {
    this.stride = 2 + wordsPerEntry;
    this.words = arrays.words(capacity * this.stride);
    this.#capacity = capacity;
    this.#arrays = arrays;
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.words.byteLength + (this.#slots?.byteLength ?? 0);
  }

  /** What an entry takes at most: there are never more than 2.5 slots to an entry. */
  static maxBytesPerEntry(wordsPerEntry: number): number {
    return (2 + wordsPerEntry + 2.5) * 4;
  }

  /** The entry with this key, or -1. */
  find(lo: number, hi: number): number {
    const slots = this.#slots;
    if (!slots) return hi === 0 && lo <= this.#count ? lo - 1 : -1;
    return (slots[this.#slotOf(slots, lo, hi)] as number) - 1;
  }

  /** The entry with this key, which is a new one exactly when `count` has grown. */
  add(lo: number, hi: number): number {
    const found = this.find(lo, hi);
    if (found >= 0) return found;
    const entry = this.#count++;
    if (!this.#slots && (hi !== 0 || lo !== entry + 1)) this.#slots = this.#hashed(entry);
    this.words[entry * this.stride] = lo;
    this.words[entry * this.stride + 1] = hi;
    if (this.#slots) this.#slots[this.#slotOf(this.#slots, lo, hi)] = entry + 1;
    return entry;
  }

  /** Slots with the first `count` entries in them. */
  #hashed(count: number): Uint32Array {
    const slots = this.#arrays.words(2 ** Math.ceil(Math.log2(this.#capacity * 1.25 + 1)));
    for (let entry = 0; entry < count; entry++) slots[this.#slotOf(slots, entry + 1, 0)] = entry + 1;
    return slots;
  }

  #slotOf(slots: Uint32Array, lo: number, hi: number): number {
    const { words, stride } = this;
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
