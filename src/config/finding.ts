import { writtenKey } from "../schema/index.ts";

/** Where something stands in the tree. */
export type Path = readonly (string | number)[];

/** A problem before it has a position. */
export interface Finding {
  readonly path: Path;
  /** Whether the key itself is at fault, or its value. */
  readonly at: "key" | "value";
  readonly message: string;
  /** A type of the schema's issue, where it is looked at again. */
  readonly type?: string;
}

/** `pyroscope.scrape.local.targets[0].__address__` */
export function formatPath(path: Path): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index > 0 ? "." : ""}${writtenKey(key)}`))
    .join("");
}

export function startsWith(path: Path, prefix: Path): boolean {
  return path.length >= prefix.length && prefix.every((key, index) => path[index] === key);
}

/** The path in the tree as it was written, where a single item may stand for a list of one. */
export function pathAsWritten(tree: unknown, path: Path): Path {
  const written: (string | number)[] = [];
  let current = tree;
  for (const key of path) {
    if (typeof key === "number" && current !== undefined && !Array.isArray(current)) continue;
    written.push(key);
    current = (current as Record<string | number, unknown> | null | undefined)?.[key];
  }
  return written;
}
