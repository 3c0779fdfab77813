import { labelsFrom, type Target } from "../model/index.ts";
import { found, isTable } from "../schema/index.ts";
import { boundedTargets } from "./bounded-targets.ts";
import { DiscoveryError } from "./discovery-error.ts";

export interface TargetGroupsOptions {
  /** How a message begins: `Cannot take the targets of "http://sd/targets"`. */
  readonly cannot: string;
  /** Labels that every target gets, over those of its group. */
  readonly meta: Readonly<Record<string, string>>;
}

/**
 * The targets of a list of groups, the form that HTTP and file discovery share (reference 6.2): `[{ targets: ["host:6060"], labels: { env:
 * "prod" } }]`. Every address becomes a target with the labels of its group. Throws a DiscoveryError that names the group at fault: half a
 * list would stop the scrapes of the other half.
 */
export function targetsOfGroups(value: unknown, { cannot, meta }: TargetGroupsOptions): readonly Target[] {
  const refuse = (problem: string): never => {
    throw new DiscoveryError("bad_answer", `${cannot}: ${problem}`);
  };
  if (!Array.isArray(value)) return refuse(notAList(value));
  return boundedTargets(targetsOf(checked(value, refuse), meta), cannot);
}

/**
 * One group after the other as they are asked for, and what several share is looked at once: a hundred thousand groups of a small YAML file may
 * all be one, by aliases.
 */
function* checked(groups: readonly unknown[], refuse: (problem: string) => never): Generator<Group> {
  const good = new Set<unknown>();
  for (const [at, group] of groups.entries()) {
    const problem = groupProblem(group, good);
    if (problem !== undefined) refuse(`group ${at + 1}: ${problem}`);
    yield group as Group;
  }
}

function* targetsOf(groups: Iterable<Group>, meta: TargetGroupsOptions["meta"]): Generator<Target> {
  for (const { targets: addresses = [], labels } of groups) {
    if (addresses.length === 0) continue;
    const shared = [...Object.entries(labels || {}).map(asText), ...Object.entries(meta)];
    for (const address of addresses) yield labelsFrom([...shared, ["__address__", address]]);
  }
}

/** A group that has no problem. */
interface Group {
  readonly targets?: readonly string[];
  /** Or nothing: what `labels:` with nothing behind it means in YAML. */
  readonly labels?: Readonly<Record<string, string | number | boolean>> | null | "";
}

function notAList(value: unknown): string {
  const advice = isTable(value) && "targets" in value ? "; put the group in brackets" : "";
  return `expected a list of groups such as [{"targets": ["host:6060"]}], found ${found(value)}${advice}`;
}

/** Adds the labels of a group that has none to `good`, in which they are not looked for again. */
function groupProblem(group: unknown, good: Set<unknown>): string | undefined {
  if (!isTable(group)) return `expected a group such as {"targets": ["host:6060"]}, found ${found(group)}`;
  const unknown = Object.keys(group).find((key) => key !== "targets" && key !== "labels");
  if (unknown !== undefined) return `${found(unknown)} is no part of a group, which has "targets" and "labels"`;
  const { targets = [], labels } = group;
  if (!Array.isArray(targets)) return `"targets" must be a list of addresses, found ${found(targets)}`;
  const noAddress: unknown = targets.find((target) => typeof target !== "string");
  if (noAddress !== undefined) return `"targets" must be a list of addresses, found ${found(noAddress)} in it`;
  if (labels === undefined || labels === null || labels === "" || good.has(labels)) return undefined;
  if (!isTable(labels)) return `"labels" must be a table, found ${found(labels)}`;
  good.add(labels);
  const bad = Object.entries(labels).find(([, value]) => !isLabelValue(value));
  return bad && `the label ${found(bad[0])} must be a string, found ${found(bad[1])}`;
}

function isLabelValue(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function asText([name, value]: [string, unknown]): [string, string] {
  return [name, String(value)];
}
