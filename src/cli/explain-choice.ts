import { nearest } from "../base/index.ts";
import { type ComponentConfig, flowsOf } from "../component/index.ts";
import { UsageError } from "./usage-error.ts";

export interface Choice {
  readonly ways: Ways;
  /** What the labels of a target must hold. */
  readonly filter: string | undefined;
}

/** The components on the ways of targets and profiles that are explained. */
export interface Ways {
  /** Where they begin, and on to the component that was chosen; all where none was. */
  readonly before: readonly ComponentConfig[];
  readonly all: readonly ComponentConfig[];
}

/** A text that is the id of a component means what comes through it, another one chooses targets. Throws UsageError. */
export function choiceOf(components: readonly ComponentConfig[], texts: readonly string[]): Choice {
  const ids = components.map((component) => component.id);
  const [id, otherId] = texts.filter((text) => ids.includes(text));
  const rest = texts.filter((text) => !ids.includes(text));
  const mistyped = rest.find((text) => /^(?:discovery|pyroscope|phlare)\.\w+\.\w+$/.test(text));
  if (mistyped !== undefined) throw unknown(mistyped, ids);
  const [filter, other] = rest;
  if (other !== undefined) throw new UsageError(`One text is enough to choose targets: got "${filter}" and "${other}"`);
  if (otherId !== undefined) throw new UsageError(`One component is explained: got "${id}" and "${otherId}"`);
  return { ways: id === undefined ? { before: components, all: components } : waysThrough(components, id), filter };
}

function unknown(id: string, ids: readonly string[]): UsageError {
  const meant = nearest(id, ids);
  const hint = meant === undefined ? `it has ${ids.join(", ") || "none"}` : `did you mean "${meant}"?`;
  return new UsageError(`No component "${id}" in the file: ${hint}`);
}

function waysThrough(components: readonly ComponentConfig[], id: string): Ways {
  const flows = flowsOf(components);
  const before = reached(id, (of) => flows.filter((flow) => flow.consumer === of).map((flow) => flow.producer));
  const after = reached(id, (of) => flows.filter((flow) => flow.producer === of).map((flow) => flow.consumer));
  return {
    before: components.filter((component) => before.has(component.id)),
    all: components.filter((component) => before.has(component.id) || after.has(component.id)),
  };
}

function reached(from: string, next: (of: string) => readonly string[]): ReadonlySet<string> {
  const ids = new Set([from]);
  // A set hands out what is added to it meanwhile, too.
  for (const id of ids) for (const other of next(id)) ids.add(other);
  return ids;
}
