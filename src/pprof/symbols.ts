import type { Spans } from "./layout.ts";
import { type ProfileTables, textAt } from "./profile-tables.ts";
import { Cursor, wire } from "./wire.ts";

/**
 * The number fields of a message, by field number: those of field n are `numbers[n * 2]` (lo) and `numbers[n * 2 + 1]` (hi),
 * zero where the message does not have it.
 */
export type Numbers = Uint32Array;

/** Fields that index the string table. */
export const mappingStrings = [5, 6] as const;
export const functionStrings = [2, 3, 4] as const;

const buildIdField = 6;
const lineField = 4;

/**
 * Reads what `readTables` has checked of mappings, locations, lines and functions. It does so into arrays of its own: what a
 * method returns holds until the method is called again.
 */
export class SymbolReader {
  readonly #tables: ProfileTables;
  readonly #cursor: Cursor;
  readonly #lineCursor: Cursor;
  readonly #mapping = new Uint32Array(22);
  readonly #location = new Uint32Array(12);
  readonly #line = new Uint32Array(8);
  readonly #function = new Uint32Array(12);

  constructor(tables: ProfileTables) {
    this.#tables = tables;
    this.#cursor = new Cursor(tables.raw);
    this.#lineCursor = new Cursor(tables.raw);
  }

  mapping(position: number): Numbers {
    return this.#read(this.#tables.mappings, position, this.#mapping);
  }

  /** The location itself, without its lines. */
  location(position: number): Numbers {
    return this.#read(this.#tables.locations, position, this.#location);
  }

  function(position: number): Numbers {
    return this.#read(this.#tables.functions, position, this.#function);
  }

  /** Calls `visit` for each line of a location, the innermost call first, with the position of its function. */
  eachLine(location: number, visit: (functionPosition: number, line: Numbers) => void): void {
    const { locations, functionIds } = this.#tables;
    const cursor = this.#lineCursor;
    const end = locations.ends[location] as number;
    cursor.enter("location", location, locations.starts[location] as number, end);
    while (cursor.next()) {
      if (cursor.field !== lineField) {
        cursor.skip();
        continue;
      }
      const lineEnd = cursor.lengthEnd();
      cursor.enter("line of location", location, cursor.pos, lineEnd);
      const line = this.#line;
      readNumbers(cursor, line);
      visit(functionIds.find(line[2] as number, line[3] as number), line);
      cursor.enter("location", location, lineEnd, end);
    }
  }

  #read(spans: Spans, position: number, into: Numbers): Numbers {
    this.#cursor.enter("message", position, spans.starts[position] as number, spans.ends[position] as number);
    readNumbers(this.#cursor, into);
    return into;
  }
}

/** Reads the number fields of the message the cursor is in, as many as `into` has room for. */
export function readNumbers(cursor: Cursor, into: Numbers): void {
  for (let i = 0; i < into.length; i++) into[i] = 0;
  while (cursor.next()) {
    cursor.skip();
    const at = cursor.field * 2;
    if (at >= into.length || cursor.wireType !== wire.varint) continue;
    into[at] = cursor.lo;
    into[at + 1] = cursor.hi;
  }
}

/** The build id of the first mapping, which is the program itself; empty where it has none. */
export function mainBuildId(tables: ProfileTables): string {
  if (tables.mappings.count === 0) return "";
  const index = new SymbolReader(tables).mapping(0)[buildIdField * 2] as number;
  return textAt(tables.raw, tables.strings, index);
}
