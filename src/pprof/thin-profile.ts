import type { Arrays } from "./arrays.ts";
import { field, type Halves, type Spans } from "./layout.ts";
import type { ProfileTables } from "./profile-tables.ts";
import { labelWords, SampleReader } from "./sample-reader.ts";
import { SampleWriter } from "./sample-writer.ts";
import { functionStrings, mappingStrings, SymbolReader } from "./symbols.ts";
import { Writer } from "./writer.ts";

/** The samples that stay, in order, with their new values. */
export class KeptSamples {
  /** Positions in the sample table. */
  readonly samples: Uint32Array;
  /** Pairs of halves, one for each column of the profile. */
  readonly values: Uint32Array;
  count = 0;
  readonly #columns: readonly number[];

  /** Room for `capacity` samples. `columns` are the profile's columns in the order in which values will be offered. */
  constructor(capacity: number, columns: readonly number[], arrays: Arrays) {
    this.samples = arrays.words(capacity);
    this.values = arrays.words(capacity * columns.length * 2);
    this.#columns = columns;
  }

  /** Keeps the sample with the values that begin at `words[at]`, unless all of them are zero. */
  offer(sample: number, words: Uint32Array, at: number): void {
    const columns = this.#columns;
    const to = this.count * columns.length * 2;
    let seen = 0;
    for (let i = 0; i < columns.length; i++) {
      const lo = words[at + i * 2] as number;
      const hi = words[at + i * 2 + 1] as number;
      const column = to + (columns[i] as number) * 2;
      this.values[column] = lo;
      this.values[column + 1] = hi;
      seen |= lo | hi;
    }
    if (seen !== 0) this.samples[this.count++] = sample;
  }
}

/**
 * Writes the profile with these samples only, and of its locations and functions only those that they use. All keep their
 * order and ids; the string table keeps its indexes, what is unused in it becomes empty. Mappings and the header stay as they
 * are but for the duration. Unknown fields of the outermost level are dropped: they may point into what was thinned out.
 */
export function writeThinned(tables: ProfileTables, kept: KeptSamples, durationNanos: Halves): Uint8Array {
  const { raw, header, arrays } = tables;
  const used = findUsed(tables, kept);
  const writer = new Writer(raw.length, arrays);
  writeTable(writer, raw, { number: field.sampleType, spans: tables.sampleTypes });
  writeSamples(writer, tables, kept);
  writeTable(writer, raw, { number: field.mapping, spans: tables.mappings });
  writeTable(writer, raw, { number: field.location, spans: tables.locations, used: used.locations });
  writeTable(writer, raw, { number: field.function, spans: tables.functions, used: used.functions });
  const { starts, ends, count } = tables.strings;
  for (let i = 0; i < count; i++) {
    const start = starts[i] as number;
    writer.bytes(field.string, raw, { start, end: used.strings[i] ? (ends[i] as number) : start });
  }
  const { ranges } = header;
  for (let i = 0; i < ranges.length; i += 2) writer.copy(raw, ranges[i] as number, ranges[i + 1] as number);
  writer.number(field.durationNanos, durationNanos.lo, durationNanos.hi);
  // A copy: it outlives the arrays, and is often much smaller than what was expected.
  return writer.finish().slice();
}

function writeTable(
  writer: Writer,
  raw: Uint8Array,
  { number, spans, used }: { number: number; spans: Spans; used?: Uint8Array },
): void {
  for (let i = 0; i < spans.count; i++) {
    if (used && !used[i]) continue;
    writer.bytes(number, raw, { start: spans.starts[i] as number, end: spans.ends[i] as number });
  }
}

function writeSamples(writer: Writer, { raw, samples, columns }: ProfileTables, kept: KeptSamples): void {
  const sampleWriter = new SampleWriter(raw, writer);
  const count = columns.length;
  for (let i = 0; i < kept.count; i++) {
    const sample = kept.samples[i] as number;
    const span = { start: samples.starts[sample] as number, end: samples.ends[sample] as number };
    sampleWriter.write(span, { words: kept.values, at: i * count * 2, count });
  }
}

interface Used {
  readonly locations: Uint8Array;
  readonly functions: Uint8Array;
  readonly strings: Uint8Array;
}

function findUsed(tables: ProfileTables, kept: KeptSamples): Used {
  const used: Used = {
    locations: tables.arrays.bytes(tables.locations.count),
    functions: tables.arrays.bytes(tables.functions.count),
    strings: tables.arrays.bytes(tables.strings.count),
  };
  for (const string of tables.header.strings) used.strings[string] = 1;
  markSamples(used, tables, kept);
  const symbols = new SymbolReader(tables);
  const markFunction = (position: number): void => void (used.functions[position] = 1);
  for (let i = 0; i < used.locations.length; i++) if (used.locations[i]) symbols.eachLine(i, markFunction);
  for (let i = 0; i < used.functions.length; i++) {
    if (!used.functions[i]) continue;
    const numbers = symbols.function(i);
    for (const string of functionStrings) used.strings[numbers[string * 2] as number] = 1;
  }
  for (let i = 0; i < tables.mappings.count; i++) {
    const numbers = symbols.mapping(i);
    for (const string of mappingStrings) used.strings[numbers[string * 2] as number] = 1;
  }
  return used;
}

/** Marks the locations of the samples and the strings of their labels. */
function markSamples(used: Used, tables: ProfileTables, kept: KeptSamples): void {
  const reader = new SampleReader(tables);
  for (let i = 0; i < kept.count; i++) {
    reader.read(kept.samples[i] as number);
    const { locations, depth, labels, labelCount } = reader;
    for (let frame = 0; frame < depth; frame++) used.locations[locations[frame] as number] = 1;
    for (let at = 0; at < labelCount * labelWords; at += labelWords) {
      used.strings[labels[at] as number] = 1;
      used.strings[labels[at + 1] as number] = 1;
      used.strings[labels[at + 4] as number] = 1;
    }
  }
}
