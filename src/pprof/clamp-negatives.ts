import { withSharedArrays } from "./arrays.ts";
import { field } from "./layout.ts";
import { type ProfileTables, readTables } from "./profile-tables.ts";
import { SampleReader } from "./sample-reader.ts";
import { SampleWriter } from "./sample-writer.ts";
import { Cursor } from "./wire.ts";
import { Writer } from "./writer.ts";

/**
 * Sets negative values to 0 and says how many there were; without any, `raw` is the very input. A target that computes a
 * delta sends them for columns that are no counters (`inuse_space`), and a server drops a sample for one of them. Validates
 * the profile as `validate` does and throws the same errors.
 */
export function clampNegatives(raw: Uint8Array): { raw: Uint8Array; clamped: number } {
  return withSharedArrays((arrays) => clampTables(readTables(raw, arrays)));
}

function clampTables(tables: ProfileTables): { raw: Uint8Array; clamped: number } {
  const reader = new SampleReader(tables);
  let clamped = 0;
  for (let sample = 0; sample < tables.samples.count; sample++) {
    reader.read(sample);
    for (const hi of reader.valueHi) if (isNegative(hi)) clamped++;
  }
  return { raw: clamped === 0 ? tables.raw : rewrite(tables), clamped };
}

function isNegative(hi: number): boolean {
  return hi >= 2 ** 31;
}

/** Copies the profile field by field and writes anew the samples that have a negative value. */
function rewrite(tables: ProfileTables): Uint8Array {
  const { raw, samples, columns } = tables;
  const reader = new SampleReader(tables);
  const writer = new Writer(raw.length);
  const sampleWriter = new SampleWriter(raw, writer);
  const words = new Uint32Array(columns.length * 2);
  const cursor = new Cursor(raw);
  let sample = 0;
  for (let start = 0; cursor.next(); start = cursor.pos) {
    cursor.skip();
    if (cursor.field !== field.sample) {
      writer.copy(raw, start, cursor.pos);
      continue;
    }
    reader.read(sample);
    if (!reader.valueHi.some(isNegative)) writer.copy(raw, start, cursor.pos);
    else {
      fillClamped(words, reader);
      const span = { start: samples.starts[sample] as number, end: cursor.pos };
      sampleWriter.write(span, { words, at: 0, count: columns.length });
    }
    sample++;
  }
  return writer.finish();
}

function fillClamped(words: Uint32Array, { valueLo, valueHi }: SampleReader): void {
  for (let column = 0; column < valueHi.length; column++) {
    const negative = isNegative(valueHi[column] as number);
    words[column * 2] = negative ? 0 : (valueLo[column] as number);
    words[column * 2 + 1] = negative ? 0 : (valueHi[column] as number);
  }
}
