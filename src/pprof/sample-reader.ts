import type { ProfileTables } from "./profile-tables.ts";
import { Cursor, decimal, wire } from "./wire.ts";

/** Words that a label takes in `SampleReader.labels`: key, str, the halves of num, num_unit. */
export const labelWords = 5;

/**
 * Reads one sample at a time into arrays that are reused, checking it against the tables: known locations, one value per
 * sample type, known strings in its labels.
 */
export class SampleReader {
  /** Positions in the location table, the leaf first; the first `depth` are the sample's. */
  locations = new Uint32Array(64);
  depth = 0;
  /** One value per column. */
  readonly valueLo: Uint32Array;
  readonly valueHi: Uint32Array;
  /** `labelWords` words a label; the first `labelCount` are the sample's. */
  labels = new Uint32Array(8 * labelWords);
  labelCount = 0;
  readonly #tables: ProfileTables;
  readonly #cursor: Cursor;
  #values = 0;

  constructor(tables: ProfileTables) {
    this.#tables = tables;
    this.#cursor = new Cursor(tables.raw);
    this.valueLo = new Uint32Array(tables.columns.length);
    this.valueHi = new Uint32Array(tables.columns.length);
  }

  read(index: number): void {
    const cursor = this.#cursor;
    const end = this.#tables.samples.ends[index] as number;
    this.depth = 0;
    this.labelCount = 0;
    this.#values = 0;
    cursor.enter("sample", index, this.#tables.samples.starts[index] as number, end);
    while (cursor.next()) {
      switch (cursor.field) {
        case 1:
          this.#locations();
          break;
        case 2:
          this.#readValues();
          break;
        case 3:
          this.#label(index);
          cursor.enter("sample", index, cursor.pos, end);
          break;
        default:
          cursor.skip();
      }
    }
    const columns = this.valueLo.length;
    if (this.#values !== columns) cursor.fail(`${this.#values} values instead of ${columns}, one per sample type`);
  }

  #locations(): void {
    const cursor = this.#cursor;
    if (cursor.wireType !== wire.bytes) {
      cursor.number("location_id");
      this.#location();
      return;
    }
    const end = cursor.lengthEnd();
    while (cursor.pos < end) {
      cursor.varint();
      this.#location();
    }
    cursor.closeList(end, "location_id");
  }

  #location(): void {
    const { lo, hi } = this.#cursor;
    const position = this.#tables.locationIds.find(lo, hi);
    if (position < 0) this.#cursor.fail(`location_id ${decimal(this.#cursor)}, which no location has`);
    if (this.depth === this.locations.length) this.locations = grown(this.locations);
    this.locations[this.depth++] = position;
  }

  #readValues(): void {
    const cursor = this.#cursor;
    if (cursor.wireType !== wire.bytes) {
      cursor.number("value");
      this.#value();
      return;
    }
    const end = cursor.lengthEnd();
    while (cursor.pos < end) {
      cursor.varint();
      this.#value();
    }
    cursor.closeList(end, "value");
  }

  /** A value too many is counted and falls outside of the arrays. */
  #value(): void {
    this.valueLo[this.#values] = this.#cursor.lo;
    this.valueHi[this.#values++] = this.#cursor.hi;
  }

  #label(sample: number): void {
    const cursor = this.#cursor;
    cursor.expect(wire.bytes, "label");
    const end = cursor.lengthEnd();
    const at = this.labelCount++ * labelWords;
    if (at === this.labels.length) this.labels = grown(this.labels);
    const { labels } = this;
    labels.fill(0, at, at + labelWords);
    const strings = this.#tables.strings.count;
    cursor.enter("label of sample", sample, cursor.pos, end);
    while (cursor.next()) {
      switch (cursor.field) {
        case 1:
          labels[at] = cursor.stringIndex(strings, "key");
          break;
        case 2:
          labels[at + 1] = cursor.stringIndex(strings, "str");
          break;
        case 3:
          cursor.number("num");
          labels[at + 2] = cursor.lo;
          labels[at + 3] = cursor.hi;
          break;
        case 4:
          labels[at + 4] = cursor.stringIndex(strings, "num_unit");
          break;
        default:
          cursor.skip();
      }
    }
  }
}

function grown(array: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** Reads every sample for its checks only. */
export function checkSamples(tables: ProfileTables): void {
  const reader = new SampleReader(tables);
  for (let index = 0; index < tables.samples.count; index++) reader.read(index);
}
