import { isUtf8 } from "node:buffer";
import type { Halves, Spans } from "./layout.ts";
import type { U64Table } from "./u64-table.ts";
import { type Cursor, decimal, malformed, wire } from "./wire.ts";

/** Checks that the string table begins with the empty string and holds nothing but UTF-8. */
export function checkStrings(raw: Uint8Array, strings: Spans): void {
  const { starts, ends, count } = strings;
  if (count === 0) throw malformed("it has no string table", raw.length);
  if (starts[0] !== ends[0]) {
    const bytes = raw.subarray(starts[0], ends[0]);
    throw malformed(`string_table[0] is not empty but 0x${hexPreview(bytes)}`, starts[0] as number);
  }
  for (let index = 1; index < count; index++) {
    const start = starts[index] as number;
    const end = ends[index] as number;
    let seen = 0;
    for (let pos = start; pos < end; pos++) seen |= raw[pos] as number;
    // The native check knows all of UTF-8, but costs a call and a view; most strings are ASCII.
    if (seen >= 0x80 && !isUtf8(raw.subarray(start, end))) {
      throw malformed(`string_table[${index}] is not UTF-8 but 0x${hexPreview(raw.subarray(start, end))}`, start);
    }
  }
}

/** Bytes for a message: 64 characters of hexadecimal at most. */
export function hexPreview(bytes: Uint8Array): string {
  const hex = Array.from(bytes.subarray(0, 32), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return bytes.length > 32 ? `${hex}…` : hex;
}

/** A message whose known fields are all numbers, `id` the first: what each is called, and whether it indexes a string. */
interface RecordShape {
  readonly name: string;
  readonly fields: readonly string[];
  readonly indexesString: readonly boolean[];
}

function recordShape(name: string, fields: readonly string[], strings: readonly string[]): RecordShape {
  return { name, fields: ["", ...fields], indexesString: ["", ...fields].map((field) => strings.includes(field)) };
}

const mappingShape = recordShape(
  "mapping",
  [
    "id",
    "memory_start",
    "memory_limit",
    "file_offset",
    "filename",
    "build_id",
    "has_functions",
    "has_filenames",
    "has_line_numbers",
    "has_inline_frames",
  ],
  ["filename", "build_id"],
);
const functionShape = recordShape(
  "function",
  ["id", "name", "system_name", "filename", "start_line"],
  ["name", "system_name", "filename"],
);

export function checkMappings(cursor: Cursor, mappings: Spans, into: { ids: U64Table; stringCount: number }): void {
  checkRecords(cursor, mappings, { shape: mappingShape, ...into });
}

export function checkFunctions(cursor: Cursor, functions: Spans, into: { ids: U64Table; stringCount: number }): void {
  checkRecords(cursor, functions, { shape: functionShape, ...into });
}

function checkRecords(
  cursor: Cursor,
  spans: Spans,
  { shape, ids, stringCount }: { shape: RecordShape; ids: U64Table; stringCount: number },
): void {
  for (let index = 0; index < spans.count; index++) {
    let idLo = 0;
    let idHi = 0;
    cursor.enter(shape.name, index, spans.starts[index] as number, spans.ends[index] as number);
    while (cursor.next()) {
      const { field } = cursor;
      const name = shape.fields[field];
      if (name === undefined) cursor.skip();
      else if (shape.indexesString[field]) cursor.stringIndex(stringCount, name);
      else cursor.number(name);
      if (field === 1) {
        idLo = cursor.lo;
        idHi = cursor.hi;
      }
    }
    noteId(cursor, ids, { lo: idLo, hi: idHi });
  }
}

/** Where ids lead, and where the addresses go. */
export interface LocationChecks {
  readonly locationIds: U64Table;
  readonly mappingIds: U64Table;
  readonly functionIds: U64Table;
  readonly addressLo: Uint32Array;
  readonly addressHi: Uint32Array;
}

export function checkLocations(cursor: Cursor, locations: Spans, checks: LocationChecks): void {
  for (let index = 0; index < locations.count; index++) {
    const end = locations.ends[index] as number;
    let idLo = 0;
    let idHi = 0;
    cursor.enter("location", index, locations.starts[index] as number, end);
    while (cursor.next()) {
      switch (cursor.field) {
        case 1:
          cursor.number("id");
          idLo = cursor.lo;
          idHi = cursor.hi;
          break;
        case 2:
          cursor.number("mapping_id");
          if ((cursor.lo !== 0 || cursor.hi !== 0) && checks.mappingIds.find(cursor.lo, cursor.hi) < 0) {
            cursor.fail(`mapping_id ${decimal(cursor)}, which no mapping has`);
          }
          break;
        case 3:
          cursor.number("address");
          checks.addressLo[index] = cursor.lo;
          checks.addressHi[index] = cursor.hi;
          break;
        case 4:
          cursor.expect(wire.bytes, "line");
          checkLine(cursor, index, checks.functionIds);
          cursor.enter("location", index, cursor.pos, end);
          break;
        case 5:
          cursor.number("is_folded");
          break;
        default:
          cursor.skip();
      }
    }
    noteId(cursor, checks.locationIds, { lo: idLo, hi: idHi });
  }
}

/** A line without a function is refused too: nothing that reads pprof can show it. */
function checkLine(cursor: Cursor, location: number, functionIds: U64Table): void {
  let lo = 0;
  let hi = 0;
  const end = cursor.lengthEnd();
  cursor.enter("line of location", location, cursor.pos, end);
  while (cursor.next()) {
    if (cursor.field > 3) cursor.skip();
    else cursor.number(cursor.field === 1 ? "function_id" : "line");
    if (cursor.field === 1) {
      lo = cursor.lo;
      hi = cursor.hi;
    }
  }
  if (functionIds.find(lo, hi) < 0) cursor.fail(`function_id ${decimal({ lo, hi })}, which no function has`);
}

/** Notes the id of the message just read; ids begin at 1 and are unique. */
function noteId(cursor: Cursor, ids: U64Table, { lo, hi }: Halves): void {
  if (lo === 0 && hi === 0) cursor.fail("id 0, but ids begin at 1");
  const before = ids.count;
  ids.add(lo, hi);
  if (ids.count === before) cursor.fail(`id ${decimal({ lo, hi })}, which an earlier one has already`);
}
