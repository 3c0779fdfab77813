import { preview } from "../base/index.ts";
import { field, type Halves } from "./layout.ts";
import { MergedTables, numbersMessage, numbersOf, Translation } from "./merged-tables.ts";
import { PprofError } from "./pprof-error.ts";
import { type ProfileTables, readTables } from "./profile-tables.ts";
import { labelWords, SampleReader } from "./sample-reader.ts";
import { readNumbers } from "./symbols.ts";
import { Cursor, decimal } from "./wire.ts";
import { Writer } from "./writer.ts";

/** `drop_frames`, `keep_frames`, `default_sample_type` and `doc_url`, which index the string table. */
const headerStrings = [7, 8, 14, 15] as const;
const numField = 3;

/** A stack of the merged profile. */
interface MergedSample {
  readonly locations: readonly number[];
  /** Encoded. */
  readonly labels: readonly Uint8Array[];
  readonly values: BigInt64Array;
}

/**
 * One profile of several with the same sample types: stacks that are equal by content (functions, lines, addresses, mappings,
 * labels) are summed up; the time is the earliest, the duration the sum, the rest of the header the first profile's. Neither
 * input nor output is gzipped. Validates each profile; throws PprofError, `incompatible` where sample types differ. Not for
 * the hot path.
 */
export function merge(raws: readonly Uint8Array[]): Uint8Array {
  const profiles = raws.map((raw) => readTables(raw));
  const [first] = profiles;
  if (!first) throw new PprofError("empty", "Cannot merge profiles: there are none");
  const tables = new MergedTables();
  const samples = new Map<string, MergedSample>();
  const writer = new Writer((raws[0] as Uint8Array).length);
  for (const profile of profiles) {
    checkSameTypes(profile, first);
    const translation = new Translation(tables, profile);
    addSamples(samples, profile, translation);
    if (profile === first) writeHeader(writer, profile, translation);
  }
  writeTimes(writer, profiles);
  for (const sample of samples.values()) writeSample(writer, sample);
  tables.writeTo(writer);
  return writer.finish();
}

function checkSameTypes(profile: ProfileTables, first: ProfileTables): void {
  const [types, expected] = [profile, first].map(({ columns }) =>
    columns.map(({ type, unit }) => `${type}/${unit}`).join(", "),
  ) as [string, string];
  if (types === expected) return;
  const problem = `one has the sample types "${preview(types)}", another "${preview(expected)}"`;
  throw new PprofError("incompatible", `Cannot merge profiles: ${problem}`);
}

function addSamples(samples: Map<string, MergedSample>, profile: ProfileTables, translation: Translation): void {
  const reader = new SampleReader(profile);
  for (let index = 0; index < profile.samples.count; index++) {
    reader.read(index);
    const locations = Array.from(reader.locations.subarray(0, reader.depth), (position) =>
      translation.location(position),
    );
    const labels = readLabels(reader, translation);
    const key = JSON.stringify([locations, labels.map(({ text }) => text).sort()]);
    const sample = samples.get(key) ?? {
      locations,
      labels: labels.map(({ message }) => message),
      values: new BigInt64Array(profile.columns.length),
    };
    samples.set(key, sample);
    for (let column = 0; column < sample.values.length; column++) {
      const value = decimal({ lo: reader.valueLo[column] as number, hi: reader.valueHi[column] as number });
      sample.values[column] = (sample.values[column] as bigint) + BigInt(value);
    }
  }
}

function readLabels(reader: SampleReader, translation: Translation): { text: string; message: Uint8Array }[] {
  return Array.from({ length: reader.labelCount }, (_, label) => {
    const at = label * labelWords;
    const [key, str, lo, hi, unit] = reader.labels.subarray(at, at + labelWords) as Iterable<number> as LabelWords;
    const numbers = numbersOf(translation.string(key), translation.string(str), lo, translation.string(unit));
    numbers[numField * 2 + 1] = hi;
    return { text: numbers.join(), message: numbersMessage(numbers).finish() };
  });
}

type LabelWords = [key: number, str: number, lo: number, hi: number, unit: number];

function writeSample(writer: Writer, { locations, labels, values }: MergedSample): void {
  const message = new Writer(256);
  message.bytes(1, packed(locations.map((lo) => ({ lo, hi: 0 }))));
  message.bytes(2, packed(Array.from(values, halvesOf)));
  for (const label of labels) message.bytes(3, label);
  writer.bytes(field.sample, message.finish());
}

function packed(numbers: readonly Halves[]): Uint8Array {
  const writer = new Writer(256);
  for (const { lo, hi } of numbers) writer.varint(lo, hi);
  return writer.finish();
}

function signed(value: Halves): bigint {
  return BigInt.asIntN(64, BigInt(decimal(value)));
}

function halvesOf(value: bigint): Halves {
  const bits = BigInt.asUintN(64, value);
  return { lo: Number(bits & 0xffffffffn), hi: Number(bits >> 32n) };
}

/** Everything of the header but the times. */
function writeHeader(writer: Writer, { header, columns, raw }: ProfileTables, translation: Translation): void {
  for (const { type, unit } of columns) {
    const message = numbersMessage(numbersOf(translation.text(type), translation.text(unit)));
    writer.bytes(field.sampleType, message.finish());
  }
  const numbers = new Uint32Array(32);
  readNumbers(new Cursor(raw), numbers);
  for (const string of headerStrings) writer.number(string, translation.string(numbers[string * 2] as number));
  writer.number(field.period, numbers[field.period * 2] as number, numbers[field.period * 2 + 1]);
  const { periodType, comments } = header;
  if (periodType) {
    const message = numbersMessage(numbersOf(translation.string(periodType.type), translation.string(periodType.unit)));
    writer.bytes(field.periodType, message.finish());
  }
  for (const comment of comments) writer.number(field.comment, translation.string(comment));
}

function writeTimes(writer: Writer, profiles: readonly ProfileTables[]): void {
  const times = profiles.map(({ header }) => signed(header.timeNanos)).filter((time) => time > 0n);
  const earliest = times.reduce((least, time) => (time < least ? time : least), times[0] ?? 0n);
  const duration = profiles.reduce((sum, { header }) => sum + signed(header.durationNanos), 0n);
  for (const [number, value] of [
    [field.timeNanos, earliest],
    [field.durationNanos, duration],
  ] as const) {
    const { lo, hi } = halvesOf(value);
    writer.number(number, lo, hi);
  }
}
