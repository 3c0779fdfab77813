import * as v from "valibot";
import { Reference, reference } from "../component/index.ts";
import { labelsFrom, type Target } from "../model/index.ts";
import { relabelRules, rulesPreset } from "../relabel/index.ts";
import { argument, choose, labels, oneOrMany, optional, table, typeName } from "../schema/index.ts";

/** Unlike one that is scraped, a target that is relabelled may get its `__address__` from a rule. */
const literalTarget = v.pipe(
  labels(),
  v.transform((record): Target => labelsFrom(Object.entries(record))),
);

const targetOrReference = choose([reference("targets"), literalTarget], (input) => (typeof input === "string" ? 0 : 1));

/** The arguments of `discovery.relabel` (reference 6.8). */
export const relabelArguments = table({
  targets: argument(v.pipe(oneOrMany(targetOrReference), typeName("list of targets and component ids, or one")), {
    description: "The targets to relabel: tables of labels, and ids of components that find targets",
    example: ["discovery.kubernetes.pods"],
  }),
  rules_preset: rulesPreset(),
  rule: optional(relabelRules(), { default: [], description: "Relabel rules, in order" }),
});

export type RelabelArguments = v.InferOutput<typeof relabelArguments>;

/** The targets that are written in the configuration itself. */
export function literalTargets({ targets }: RelabelArguments): readonly Target[] {
  return targets.filter((target): target is Target => !(target instanceof Reference));
}
