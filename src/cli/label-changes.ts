import type { Labels } from "../model/index.ts";

/** A label that differs between two sets; `undefined` stands for none. */
export interface LabelChange {
  readonly name: string;
  readonly was: string | undefined;
  readonly is: string | undefined;
}

/** Labels that differ, by name. */
export function labelChanges(before: Labels, after: Labels): readonly LabelChange[] {
  const [old, current] = [before, after].map((labels) => new Map(labels.map(({ name, value }) => [name, value])));
  const names = [...new Set([...before, ...after].map(({ name }) => name))].sort();
  return names
    .map((name) => ({ name, was: old?.get(name), is: current?.get(name) }))
    .filter(({ was, is }) => was !== is);
}
