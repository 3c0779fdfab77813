import { preview } from "../base/index.ts";
import type { ProfileInfo, ValueType } from "../model/index.ts";
import { type Arrays, ownArrays } from "./arrays.ts";
import { checkFunctions, checkLocations, checkMappings, checkStrings } from "./check-tables.ts";
import { type Halves, type Layout, readLayout, readValueType, type Spans } from "./layout.ts";
import { PprofError } from "./pprof-error.ts";
import { U64Table } from "./u64-table.ts";
import { Cursor, malformed } from "./wire.ts";

/**
 * A profile whose tables have been read and checked; its samples have not (`SampleReader`). Strings, functions and lines are
 * not decoded: a table is where its entries lie in `raw`, and an id leads to a position in it.
 */
export interface ProfileTables extends Layout {
  readonly raw: Uint8Array;
  /** Where the arrays of these tables come from, and what else is made of the profile and lives as long. */
  readonly arrays: Arrays;
  readonly columns: readonly ValueType[];
  readonly mappingIds: U64Table;
  readonly functionIds: U64Table;
  readonly locationIds: U64Table;
  /** The addresses of the locations, by position. */
  readonly addressLo: Uint32Array;
  readonly addressHi: Uint32Array;
}

/** Real profiles have a handful; what is done per column and sample must stay bounded. */
const maxSampleTypes = 100;

/** Reads everything but the samples. Throws PprofError on what a server would reject. */
export function readTables(raw: Uint8Array, arrays: Arrays = ownArrays): ProfileTables {
  if (raw.length === 0) throw new PprofError("empty", "Cannot read the profile: it has no bytes");
  const layout = readLayout(raw, arrays);
  const { mappings, functions, locations, strings } = layout;
  const cursor = new Cursor(raw);
  checkStrings(raw, strings);
  const columns = readColumns(cursor, layout);
  const mappingIds = new U64Table(mappings.count, 0, arrays);
  const functionIds = new U64Table(functions.count, 0, arrays);
  const locationIds = new U64Table(locations.count, 0, arrays);
  const addressLo = arrays.words(locations.count);
  const addressHi = arrays.words(locations.count);
  checkMappings(cursor, mappings, { ids: mappingIds, stringCount: strings.count });
  checkFunctions(cursor, functions, { ids: functionIds, stringCount: strings.count });
  checkLocations(cursor, locations, { mappingIds, functionIds, locationIds, addressLo, addressHi });
  return { ...layout, raw, arrays, columns, mappingIds, functionIds, locationIds, addressLo, addressHi };
}

function readColumns(cursor: Cursor, { sampleTypes, strings, header }: Layout): ValueType[] {
  if (sampleTypes.count === 0) throw malformed("it has no sample types", 0);
  if (sampleTypes.count > maxSampleTypes) {
    const message = `Cannot read the profile: it has ${sampleTypes.count} sample types, more than ${maxSampleTypes}`;
    throw new PprofError("too_large", message);
  }
  const columns: ValueType[] = [];
  for (let index = 0; index < sampleTypes.count; index++) {
    const start = sampleTypes.starts[index] as number;
    const end = sampleTypes.ends[index] as number;
    const { type, unit } = readValueType(cursor, {
      name: "sample_type",
      index,
      start,
      end,
      stringCount: strings.count,
    });
    header.strings.push(type, unit);
    const name = textAt(cursor.bytes, strings, type);
    // Pyroscope refuses it: the name becomes a part of a query, where "-" is an operator.
    if (name.includes("-"))
      throw malformed(`sample_type[${index}] is called "${preview(name)}", which has a "-"`, start);
    columns.push({ type: name, unit: textAt(cursor.bytes, strings, unit) });
  }
  return columns;
}

/** What the rest of the agent learns about a profile. */
export function infoOf(tables: ProfileTables): ProfileInfo {
  return {
    sampleTypes: tables.columns,
    samples: tables.samples.count,
    timeMs: nanosToMs(tables.header.timeNanos),
    durationMs: nanosToMs(tables.header.durationNanos),
    rawBytes: tables.raw.length,
  };
}

/** Nanoseconds as milliseconds; times before 1970 and negative durations count as none. */
export function nanosToMs({ lo, hi }: Halves): number {
  return Math.max(0, ((hi | 0) * 2 ** 32 + lo) / 1e6);
}

const decoder = new TextDecoder();

/** An entry of the string table. */
export function textAt(raw: Uint8Array, strings: Spans, index: number): string {
  return decoder.decode(raw.subarray(strings.starts[index], strings.ends[index]));
}
