import { Hash } from "./hash.ts";
import type { ProfileTables } from "./profile-tables.ts";
import { labelWords, type SampleReader } from "./sample-reader.ts";
import { SymbolReader } from "./symbols.ts";

const nameField = 2;
const filenameField = 4;
const lineField = 2;

/**
 * The identity of a stack from one profile to the next: the addresses of its locations in order, and its labels in any
 * order. Where a location has no address, the names, files and lines of its functions stand in. Ids and string indexes do not
 * count: they change from profile to profile.
 */
export class StackHasher {
  /** The hash made last. */
  lo = 0;
  hi = 0;
  readonly #tables: ProfileTables;
  readonly #hash = new Hash();
  readonly #label = new Hash();
  /** Pairs of halves by location. */
  readonly #locations: Uint32Array;
  /** Pairs of halves by string, zero where not made yet; Go's profiles need a handful. */
  #strings: Uint32Array | undefined;

  constructor(tables: ProfileTables) {
    this.#tables = tables;
    const { count } = tables.locations;
    this.#locations = tables.arrays.words(count * 2);
    const symbols = new SymbolReader(tables);
    for (let location = 0; location < count; location++) {
      const hash = this.#hash;
      const lo = tables.addressLo[location] as number;
      const hi = tables.addressHi[location] as number;
      hash.reset();
      if (lo !== 0 || hi !== 0) hash.add(lo, hi);
      else this.#addLines(symbols, location);
      hash.finish();
      this.#locations[location * 2] = hash.lo;
      this.#locations[location * 2 + 1] = hash.hi;
    }
  }

  /** Hashes the sample that the reader read last. */
  hash(sample: SampleReader): void {
    const hash = this.#hash;
    const known = this.#locations;
    hash.reset();
    for (let frame = 0; frame < sample.depth; frame++) {
      const at = (sample.locations[frame] as number) * 2;
      hash.add(known[at] as number, known[at + 1] as number);
    }
    if (sample.labelCount > 0) this.#addLabels(sample);
    hash.finish();
    this.lo = hash.lo;
    this.hi = hash.hi;
  }

  #addLines(symbols: SymbolReader, location: number): void {
    symbols.eachLine(location, (position, line) => {
      const numbers = symbols.function(position);
      this.#addString(this.#hash, numbers[nameField * 2] as number);
      this.#addString(this.#hash, numbers[filenameField * 2] as number);
      this.#hash.add(line[lineField * 2] as number, line[lineField * 2 + 1] as number);
    });
  }

  /** The sum of the labels' hashes does not depend on their order. */
  #addLabels({ labels, labelCount }: SampleReader): void {
    const label = this.#label;
    let lo = labelCount;
    let hi = 0;
    for (let at = 0; at < labelCount * labelWords; at += labelWords) {
      label.reset();
      this.#addString(label, labels[at] as number);
      this.#addString(label, labels[at + 1] as number);
      label.add(labels[at + 2] as number, labels[at + 3] as number);
      this.#addString(label, labels[at + 4] as number);
      label.finish();
      lo = (lo + label.lo) | 0;
      hi = (hi + label.hi) | 0;
    }
    this.#hash.add(lo, hi);
  }

  #addString(into: Hash, index: number): void {
    this.#strings ??= this.#tables.arrays.words(this.#tables.strings.count * 2);
    const strings = this.#strings;
    const at = index * 2;
    if (strings[at] === 0 && strings[at + 1] === 0) {
      const { starts, ends } = this.#tables.strings;
      const hash = hashOfBytes(this.#tables.raw, starts[index] as number, ends[index] as number);
      strings[at] = hash.lo;
      strings[at + 1] = hash.hi;
    }
    into.add(strings[at] as number, strings[at + 1] as number);
  }
}

function hashOfBytes(raw: Uint8Array, start: number, end: number): Hash {
  const hash = new Hash();
  hash.reset();
  let word = 0;
  for (let pos = start; pos < end; pos++) {
    word = (word << 8) | (raw[pos] as number);
    if ((pos - start) % 4 === 3) hash.add(word, word);
  }
  // The last bytes are in the word once more, which is harmless; the length tells strings apart that end in zeros.
  hash.add(word, end - start);
  hash.finish();
  return hash;
}
