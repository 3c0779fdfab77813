import { type ComponentKind, renamedKinds } from "../component/index.ts";
import { isTable } from "../schema/index.ts";

/** Lets the kinds load what the schemas of these components need: a schema cannot wait for it. */
export async function prepareComponents(
  tree: Readonly<Record<string, unknown>>,
  kinds: readonly ComponentKind[],
): Promise<void> {
  for (const [group, names] of tablesOf(tree))
    for (const [name, labels] of tablesOf(names)) {
      const kindName = renamedKinds[`${group}.${name}`] ?? `${group}.${name}`;
      const kind = kinds.find((candidate) => candidate.name === kindName);
      if (kind?.prepare) for (const [, raw] of tablesOf(labels)) await kind.prepare(raw);
    }
}

type Table = Readonly<Record<string, unknown>>;

function tablesOf(table: Table): readonly (readonly [name: string, table: Table])[] {
  return Object.entries(table).flatMap(([name, value]) => (isTable(value) ? [[name, value] as const] : []));
}
