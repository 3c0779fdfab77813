/** A set of small numbers, one bit each, that can be walked upwards fast. */
export interface Bits {
  has(index: number): boolean;
  /** Whether it was not in the set before. */
  add(index: number): boolean;
  /** Whether it was in the set. */
  delete(index: number): boolean;
  /** The smallest one that is not below `from`. */
  next(from: number): number | undefined;
  readonly memoryBytes: number;
}

const maskOf = (index: number): number => 1 << (index & 31);

export function createBits(): Bits {
  let words = new Uint32Array(4);
  const has = (index: number): boolean => ((words[index >>> 5] ?? 0) & maskOf(index)) !== 0;
  return {
    has,
    add(index) {
      if (has(index)) return false;
      const at = index >>> 5;
      if (at >= words.length) {
        const larger = new Uint32Array(Math.max(at + 1, 2 * words.length));
        larger.set(words);
        words = larger;
      }
      words[at] = (words[at] as number) | maskOf(index);
      return true;
    },
    delete(index) {
      if (!has(index)) return false;
      const at = index >>> 5;
      words[at] = (words[at] as number) & ~maskOf(index);
      return true;
    },
    next(from) {
      let at = from >>> 5;
      // The bits of the first word that are below `from` do not count.
      let word = (words[at] ?? 0) & (-1 << (from & 31));
      while (word === 0) {
        at++;
        if (at >= words.length) return undefined;
        word = words[at] as number;
      }
      return at * 32 + 31 - Math.clz32(word & -word);
    },
    get memoryBytes() {
      return words.byteLength;
    },
  };
}
