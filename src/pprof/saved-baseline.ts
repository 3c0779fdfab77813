import { type Baseline, baselineOf, missingAtMost } from "./baseline.ts";
import { PprofError } from "./pprof-error.ts";
import { U64Table } from "./u64-table.ts";
import { Cursor } from "./wire.ts";
import { Writer } from "./writer.ts";

/**
 * To be raised whenever the form below, the hash of a stack or what belongs to it changes: with keys of another kind every stack would
 * look new, and all that a process ever counted would be sent once more.
 */
const formVersion = 1;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * A baseline as bytes that outlive the process. All numbers are protobuf's varints, texts have their length in front:
 *
 *     version  columns: count, texts  build id  time: nanoseconds  stacks  of them present
 *     each stack: its hash, its value in each column    each vanished stack: in how many profiles it was missing
 */
export function encodeBaseline({ columns, values, present, missing, buildId, timeNanos }: Baseline): Uint8Array {
  const { words, stride, count } = values;
  const writer = new Writer(256 + count * stride * 4);
  writer.varint(formVersion);
  writer.varint(columns.length);
  for (const column of columns) writeText(writer, column);
  writeText(writer, buildId);
  writer.varint(timeNanos.lo, timeNanos.hi);
  writer.varint(count);
  writer.varint(present);
  for (let at = 0; at < count * stride; at += 2) writer.varint(words[at] as number, words[at + 1]);
  for (const times of missing) writer.varint(times);
  return writer.finish();
}

/** What `encodeBaseline` made; `undefined` for all that it could not have made. Takes at most twenty times their memory. */
export function decodeBaseline(bytes: Uint8Array): Baseline | undefined {
  try {
    return read(new Cursor(bytes));
  } catch (thrown) {
    if (thrown instanceof PprofError) return undefined;
    throw thrown;
  }
}

function read(cursor: Cursor): Baseline {
  if (numberUpTo(cursor, 0xffffffff) !== formVersion) cursor.fail("another version");
  // What is counted takes a byte at least, so that no count alone makes anything large.
  const columns = Array.from({ length: numberUpTo(cursor, bytesLeft(cursor)) }, () => readText(cursor));
  const buildId = readText(cursor);
  cursor.varint();
  const timeNanos = { lo: cursor.lo, hi: cursor.hi };
  const stacks = numberUpTo(cursor, Math.floor(bytesLeft(cursor) / (1 + columns.length)));
  const present = numberUpTo(cursor, stacks);
  const values = readValues(cursor, { stacks, columns: columns.length });
  const missing = Uint8Array.from({ length: stacks - present }, () => {
    const times = numberUpTo(cursor, missingAtMost);
    return times > 0 ? times : cursor.fail("a vanished stack that is there");
  });
  if (bytesLeft(cursor) > 0) cursor.fail("more bytes than belong to it");
  return baselineOf({ columns, values, present, missing, buildId, timeNanos });
}

function readValues(cursor: Cursor, { stacks, columns }: { stacks: number; columns: number }): U64Table {
  const values = new U64Table(stacks, columns * 2);
  for (let stack = 0; stack < stacks; stack++) {
    cursor.varint();
    if (values.add(cursor.lo, cursor.hi) !== stack) cursor.fail("a stack twice");
    for (let at = stack * values.stride + 2; at < (stack + 1) * values.stride; at += 2) {
      cursor.varint();
      // No value is negative.
      if (cursor.hi >= 2 ** 31) cursor.fail("a negative value");
      values.words[at] = cursor.lo;
      values.words[at + 1] = cursor.hi;
    }
  }
  return values;
}

function writeText(writer: Writer, value: string): void {
  const bytes = encoder.encode(value);
  writer.varint(bytes.length);
  writer.copy(bytes, 0, bytes.length);
}

function readText(cursor: Cursor): string {
  const end = cursor.lengthEnd();
  const start = cursor.pos;
  cursor.pos = end;
  return decoder.decode(cursor.bytes.subarray(start, end));
}

function numberUpTo(cursor: Cursor, max: number): number {
  cursor.varint();
  if (cursor.hi !== 0 || cursor.lo > max) cursor.fail(`a number above ${max}`);
  return cursor.lo;
}

function bytesLeft({ pos, end }: Cursor): number {
  return end - pos;
}
