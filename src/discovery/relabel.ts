import type { ComponentKind } from "../component/index.ts";
import { explainRules, missingGroupWarnings, prepareRules, targetRules } from "../relabel/index.ts";
import { literalTargets, type RelabelArguments, relabelArguments } from "./relabel-arguments.ts";
import { RelabelComponent } from "./relabel-component.ts";

/** Targets in, targets out: `discovery.relabel`. */
export const relabelKind: ComponentKind<RelabelArguments> = {
  name: "discovery.relabel",
  summary: "Changes, keeps and drops targets by rules on their labels, and exports what is left.",
  schema: relabelArguments,
  exports: "targets",
  prepare: prepareRules,
  warnings: (id, { targets, rule }) => [
    ...(targets.length > 0 ? [] : [`${id}: "targets" is empty: it exports no target`]),
    ...missingGroupWarnings(id, rule),
  ],
  literalTargets,
  explainTarget(_id, args, target) {
    const steps = explainRules(target, targetRules(args));
    const last = steps.at(-1);
    const result = last ? last.after : target;
    return { steps, ...(result && { target: result }) };
  },
  create: (args, context) => new RelabelComponent(args, context),
};
