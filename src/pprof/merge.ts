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
export function merge(raws: Iterable<Uint8Array>): Uint8Array {
  const steps = mergeInSteps(raws);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Samples of one step: a few milliseconds' work. */
const stepSamples = 500;

/** The same in steps, for who has something else to do in between; it takes each profile when it comes to it. */
export function* mergeInSteps(raws: Iterable<Uint8Array>): Generator<void, Uint8Array> {
  const tables = new MergedTables();
  const samples = new Map<string, MergedSample>();
  const writer = new Writer();
  const times: Times = { earliest: 0n, duration: 0n };
  let first: Pick<ProfileTables, "columns"> | undefined;
  for (const raw of raws) {
    const profile = readTables(raw);
    checkSameTypes(profile, first ?? profile);
    const translation = new Translation(tables, profile);
    yield* addSamples(samples, profile, translation);
    addTimes(times, profile);
    if (!first) writeHeader(writer, profile, translation);
    first ??= { columns: profile.columns };
    yield;
  }
  if (!first) throw new PprofError("empty", "Cannot merge profiles: there are none");
  writeTimes(writer, times);
  let written = 0;
  for (const sample of samples.values()) {
    writeSample(writer, sample);
    if (++written % stepSamples === 0) yield;
  }
  tables.writeTo(writer);
  return writer.finish();
}

function checkSameTypes(profile: ProfileTables, first: Pick<ProfileTables, "columns">): void {
  const [types, expected] = [profile, first].map(({ columns }) =>
    columns.map(({ type, unit }) => `${type}/${unit}`).join(", "),
  ) as [string, string];
  if (types === expected) return;
  const problem = `one has the sample types "${preview(types)}", another "${preview(expected)}"`;
  throw new PprofError("incompatible", `Cannot merge profiles: ${problem}`);
}

function* addSamples(
  samples: Map<string, MergedSample>,
  profile: ProfileTables,
  translation: Translation,
): Generator<void> {
  const reader = new SampleReader(profile);
  for (let index = 0; index < profile.samples.count; index++) {
    if (index % stepSamples === stepSamples - 1) yield;
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

/** In nanoseconds; `earliest` is zero where no profile has a time. */
interface Times {
  earliest: bigint;
  duration: bigint;
}

function addTimes(times: Times, { header }: ProfileTables): void {
  const time = signed(header.timeNanos);
  if (time > 0n && (times.earliest === 0n || time < times.earliest)) times.earliest = time;
  times.duration += signed(header.durationNanos);
}

function writeTimes(writer: Writer, { earliest, duration }: Times): void {
  for (const [number, value] of [
    [field.timeNanos, earliest],
    [field.durationNanos, duration],
  ] as const) {
    const { lo, hi } = halvesOf(value);
    writer.number(number, lo, hi);
  }
}
