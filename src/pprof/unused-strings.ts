import type { Spans } from "./layout.ts";
import type { ProfileTables } from "./profile-tables.ts";
import { Cursor } from "./wire.ts";

/** Fields of a mapping (filename, build_id) and of a function (name, system_name, filename) that are the index of a string. */
const mappingStrings: ReadonlySet<number> = new Set([5, 6]);
const functionStrings: ReadonlySet<number> = new Set([2, 3, 4]);

/** Of these candidates the strings that neither a label (`used`) nor anything else of the profile refers to. */
export function unusedStrings(
  tables: ProfileTables,
  { candidates, used }: { readonly candidates: Iterable<number>; readonly used: Uint8Array },
): ReadonlySet<number> {
  const unused = new Set(candidates);
  for (const index of unused) if (used[index]) unused.delete(index);
  for (const index of tables.header.strings) unused.delete(index);
  if (unused.size === 0) return unused;
  const remove = (spans: Spans, fields: ReadonlySet<number>): void => {
    const cursor = new Cursor(tables.raw);
    for (let entry = 0; entry < spans.count; entry++) {
      cursor.enter("entry", entry, spans.starts[entry] as number, spans.ends[entry] as number);
      while (cursor.next()) {
        cursor.skip();
        if (fields.has(cursor.field)) unused.delete(cursor.lo);
      }
    }
  };
  remove(tables.mappings, mappingStrings);
  remove(tables.functions, functionStrings);
  return unused;
}
