import type { Halves } from "./layout.ts";
import { type ProfileTables, textAt } from "./profile-tables.ts";
import { Cursor, wire } from "./wire.ts";

/** One line of a location; the innermost call comes first. */
export interface Line {
  /** Position in the function table. */
  readonly function: number;
  readonly line: Halves;
  readonly column: Halves;
}

/** What a function is called and where it stands; indexes into the string table. */
export interface FunctionSymbols {
  readonly name: number;
  readonly systemName: number;
  readonly filename: number;
  readonly startLine: Halves;
}

/** The lines of a location, which `readTables` has checked. */
export function linesOf(cursor: Cursor, tables: ProfileTables, location: number): Line[] {
  const lines: Line[] = [];
  const end = tables.locations.ends[location] as number;
  cursor.enter("location", location, tables.locations.starts[location] as number, end);
  while (cursor.next()) {
    if (cursor.field !== 4 || cursor.wireType !== wire.bytes) {
      cursor.skip();
      continue;
    }
    const lineEnd = cursor.lengthEnd();
    cursor.enter("line of location", location, cursor.pos, lineEnd);
    lines.push(readLine(cursor, tables));
    cursor.enter("location", location, lineEnd, end);
  }
  return lines;
}

function readLine(cursor: Cursor, tables: ProfileTables): Line {
  const numbers = readNumbers(cursor, 3);
  const [, id, line, column] = numbers as [Halves, Halves, Halves, Halves];
  return { function: tables.functionIds.find(id.lo, id.hi), line, column };
}

/** What `merge` and the delta need of a mapping; indexes into the string table. */
export interface MappingSymbols {
  readonly filename: number;
  readonly buildId: number;
}

export function mappingAt(cursor: Cursor, tables: ProfileTables, position: number): MappingSymbols {
  const { starts, ends } = tables.mappings;
  cursor.enter("mapping", position, starts[position] as number, ends[position] as number);
  const numbers = readNumbers(cursor, 6);
  return { filename: (numbers[5] as Halves).lo, buildId: (numbers[6] as Halves).lo };
}

/** The build id of the first mapping, which is the program itself; empty where it has none. */
export function mainBuildId(tables: ProfileTables): string {
  if (tables.mappings.count === 0) return "";
  return textAt(tables.raw, tables.strings, mappingAt(new Cursor(tables.raw), tables, 0).buildId);
}

export function functionAt(cursor: Cursor, tables: ProfileTables, position: number): FunctionSymbols {
  const { starts, ends } = tables.functions;
  cursor.enter("function", position, starts[position] as number, ends[position] as number);
  const [, , name, systemName, filename, startLine] = readNumbers(cursor, 5) as [Halves, ...FiveHalves];
  return { name: name.lo, systemName: systemName.lo, filename: filename.lo, startLine };
}

type FiveHalves = [Halves, Halves, Halves, Halves, Halves];
const zero: Halves = { lo: 0, hi: 0 };

/** The number fields 1 to `last` of the message the cursor is in, by field number. */
export function readNumbers(cursor: Cursor, last: number): Halves[] {
  const numbers: Halves[] = Array.from({ length: last + 1 }, () => zero);
  while (cursor.next()) {
    cursor.skip();
    if (cursor.field <= last && cursor.wireType === wire.varint)
      numbers[cursor.field] = { lo: cursor.lo, hi: cursor.hi };
  }
  return numbers;
}
