import { readTables, textAt } from "./profile-tables.ts";
import { SymbolReader } from "./symbols.ts";

/** What a person wants to know of a profile beside its ProfileInfo. */
export interface ProfileDescription {
  readonly functions: number;
  readonly locations: number;
  /** `cpu/nanoseconds`; empty where it has none. */
  readonly periodType: string;
  /** The program: the file of the first mapping, and its build id. Empty where it does not say. */
  readonly binary: string;
  readonly buildId: string;
  /** Whether it is of a Go program, by the names of its functions. */
  readonly isGo: boolean;
}

const filename = 5;
const buildId = 6;

/** Describes a valid profile. Throws PprofError for another one. */
export function describeProfile(raw: Uint8Array): ProfileDescription {
  const tables = readTables(raw);
  const { strings, header, mappings, functions, locations } = tables;
  const text = (index: number): string => textAt(raw, strings, index);
  const mapping = mappings.count > 0 ? new SymbolReader(tables).mapping(0) : undefined;
  const { periodType: period } = header;
  return {
    functions: functions.count,
    locations: locations.count,
    periodType: period ? `${text(period.type)}/${text(period.unit)}` : "",
    binary: mapping ? text(mapping[filename * 2] as number) : "",
    buildId: mapping ? text(mapping[buildId * 2] as number) : "",
    isGo: Array.from({ length: strings.count }, (_, index) => index).some((index) =>
      text(index).startsWith("runtime."),
    ),
  };
}
