import type { GenericSchema, ObjectEntries } from "valibot";
import type { Path } from "./finding.ts";

type Entries = Readonly<Record<string, GenericSchema>>;

/** What valibot's schemas hold, of those that a table is built of. */
interface Inside {
  readonly wrapped?: GenericSchema;
  readonly entries?: ObjectEntries;
  readonly item?: GenericSchema;
  readonly value?: GenericSchema;
  readonly options?: readonly GenericSchema[];
}

/** The arguments that the table at `path` takes; `undefined` where its keys are free or there is none. */
export function entriesAt(schema: GenericSchema, path: Path): Entries | undefined {
  const [key, ...rest] = path;
  if (key === undefined) return tableIn(schema);
  const next = typeof key === "number" ? schema : childOf(schema, key);
  return next && entriesAt(next, rest);
}

/** The paths, below the table at hand, of arguments with this name. */
export function pathsTo(name: string, schema: GenericSchema): readonly Path[] {
  return Object.entries(tableIn(schema) ?? {}).flatMap(([key, inner]) => [
    ...(key === name ? [[key]] : []),
    ...pathsTo(name, inner).map((path) => [key, ...path]),
  ]);
}

function tableIn(schema: GenericSchema): Entries | undefined {
  const { wrapped, entries, item, options = [] } = schema as Inside;
  if (entries) return entries;
  const inner = wrapped ?? item;
  if (inner) return tableIn(inner);
  for (const option of options) {
    const found = tableIn(option);
    if (found) return found;
  }
  return undefined;
}

function childOf(schema: GenericSchema, key: string): GenericSchema | undefined {
  const { wrapped, value, item, options = [] } = schema as Inside;
  const entries = tableIn(schema);
  if (entries) return Object.hasOwn(entries, key) ? entries[key] : undefined;
  if (wrapped ?? item) return childOf((wrapped ?? item) as GenericSchema, key);
  for (const option of options) {
    const found = childOf(option, key);
    if (found) return found;
  }
  return value;
}
