import type { Arrays } from "./arrays.ts";
import { PprofError } from "./pprof-error.ts";
import { Cursor, wire } from "./wire.ts";

/** Numbers of the fields of a profile that have a meaning here. */
export const field = {
  sampleType: 1,
  sample: 2,
  mapping: 3,
  location: 4,
  function: 5,
  string: 6,
  timeNanos: 9,
  durationNanos: 10,
  periodType: 11,
  period: 12,
  comment: 13,
} as const;

/** Where the payloads of one repeated field lie in the profile, in order. */
export interface Spans {
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly count: number;
}

/** A 64-bit number as two unsigned halves. */
export interface Halves {
  readonly lo: number;
  readonly hi: number;
}

/** The fields that belong to no table. */
export interface Header {
  /** Pairs of offsets: the fields as they are, tags included, less `duration_nanos` and unknown ones. */
  readonly ranges: number[];
  /** The strings they refer to, and those of the sample types. */
  readonly strings: number[];
  /** Those of them that are comments. */
  readonly comments: number[];
  periodType: { readonly type: number; readonly unit: number } | undefined;
  timeNanos: Halves;
  durationNanos: Halves;
}

/** A profile's outermost level, read and checked: where each table lies, and the header. */
export interface Layout {
  readonly sampleTypes: Spans;
  readonly samples: Spans;
  readonly mappings: Spans;
  readonly locations: Spans;
  readonly functions: Spans;
  readonly strings: Spans;
  readonly header: Header;
}

/** A header has some ten fields, and seldom a few comments. */
const maxHeaderEntries = 10_000;

const tableNames = ["", "sample_type", "sample", "mapping", "location", "function", "string_table"];
/** The header's number fields; some are the index of a string. */
const headerNumbers: Readonly<Record<number, { readonly name: string; readonly string: boolean }>> = {
  7: { name: "drop_frames", string: true },
  8: { name: "keep_frames", string: true },
  9: { name: "time_nanos", string: false },
  10: { name: "duration_nanos", string: false },
  12: { name: "period", string: false },
  14: { name: "default_sample_type", string: true },
  15: { name: "doc_url", string: true },
};

/** Reads the outermost level in two passes, one that counts and one that notes, so that no array is sized by a claim. */
export function readLayout(raw: Uint8Array, arrays: Arrays): Layout {
  const cursor = new Cursor(raw);
  const counts = countTables(cursor);
  const tables = Array.from(counts, (count): Spans => {
    return { starts: arrays.words(count), ends: arrays.words(count), count };
  });
  const header: Header = {
    ranges: [],
    strings: [],
    comments: [],
    periodType: undefined,
    timeNanos: { lo: 0, hi: 0 },
    durationNanos: { lo: 0, hi: 0 },
  };
  const stringCount = counts[field.string] as number;
  counts.fill(0);
  cursor.enterProfile();
  for (let start = 0; cursor.next(); start = cursor.pos) {
    const table = tables[cursor.field];
    if (table) noteSpan(cursor, table, counts);
    else if (readHeaderField(cursor, header, stringCount) && cursor.field !== field.durationNanos) {
      addRange(header.ranges, start, cursor.pos);
      checkHeaderSize(header);
    }
  }
  const [, sampleTypes, samples, mappings, locations, functions, strings] = tables as [Spans, ...SixTables];
  return { sampleTypes, samples, mappings, locations, functions, strings, header };
}

type SixTables = [Spans, Spans, Spans, Spans, Spans, Spans];

function countTables(cursor: Cursor): Uint32Array {
  const counts = new Uint32Array(tableNames.length);
  while (cursor.next()) {
    const name = tableNames[cursor.field];
    if (name !== undefined) {
      cursor.expect(wire.bytes, name);
      (counts[cursor.field] as number)++;
    }
    cursor.skip();
  }
  return counts;
}

function noteSpan(cursor: Cursor, table: Spans, filled: Uint32Array): void {
  const index = (filled[cursor.field] as number)++;
  const end = cursor.lengthEnd();
  table.starts[index] = cursor.pos;
  table.ends[index] = end;
  cursor.pos = end;
}

/** False where the field is unknown. */
function readHeaderField(cursor: Cursor, header: Header, stringCount: number): boolean {
  const number = headerNumbers[cursor.field];
  if (number?.string) header.strings.push(cursor.stringIndex(stringCount, number.name));
  else if (number) {
    cursor.number(number.name);
    const { lo, hi } = cursor;
    if (cursor.field === field.timeNanos) header.timeNanos = { lo, hi };
    if (cursor.field === field.durationNanos) header.durationNanos = { lo, hi };
  } else if (cursor.field === field.periodType) {
    cursor.expect(wire.bytes, "period_type");
    const end = cursor.lengthEnd();
    const at = { name: "period_type", index: -1, start: cursor.pos, end, stringCount };
    header.periodType = readValueType(cursor, at);
    header.strings.push(header.periodType.type, header.periodType.unit);
    cursor.enterProfile(end);
  } else if (cursor.field === field.comment) readComments(cursor, header, stringCount);
  else {
    cursor.skip();
    return false;
  }
  return true;
}

function readComments(cursor: Cursor, header: Header, stringCount: number): void {
  if (cursor.wireType !== wire.bytes) {
    addComment(header, cursor.stringIndex(stringCount, "comment"));
    return;
  }
  const end = cursor.lengthEnd();
  while (cursor.pos < end) addComment(header, cursor.stringIndexIn(stringCount, "comment"));
  cursor.closeList(end, "comment");
}

function addComment(header: Header, string: number): void {
  header.comments.push(string);
  header.strings.push(string);
  checkHeaderSize(header);
}

/** The string indexes of a ValueType message. */
export function readValueType(
  cursor: Cursor,
  at: { name: string; index: number; start: number; end: number; stringCount: number },
): { type: number; unit: number } {
  let type = 0;
  let unit = 0;
  cursor.enter(at.name, at.index, at.start, at.end);
  while (cursor.next()) {
    if (cursor.field === 1) type = cursor.stringIndex(at.stringCount, "type");
    else if (cursor.field === 2) unit = cursor.stringIndex(at.stringCount, "unit");
    else cursor.skip();
  }
  return { type, unit };
}

/** Everything else in a profile is held in flat arrays; the header is not, so that its number of fields needs a bound. */
function checkHeaderSize({ ranges, strings }: Header): void {
  if (ranges.length + strings.length <= maxHeaderEntries) return;
  throw new PprofError("too_large", `Cannot read the profile: its header has more than ${maxHeaderEntries} entries`);
}

/** Ranges that touch become one, so that a copy is one copy. */
function addRange(ranges: number[], start: number, end: number): void {
  if (ranges.at(-1) === start) ranges[ranges.length - 1] = end;
  else ranges.push(start, end);
}
