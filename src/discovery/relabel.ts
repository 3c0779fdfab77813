import type { ComponentKind } from "../component/index.ts";
import type { Target } from "../model/index.ts";
import {
  droppedWarning,
  explainRules,
  missingGroupWarnings,
  prepareRules,
  relabel,
  targetRules,
} from "../relabel/index.ts";
import { literalTargets, type RelabelArguments, relabelArguments } from "./relabel-arguments.ts";
import { RelabelComponent, relabelled } from "./relabel-component.ts";

/** Targets in, targets out: `discovery.relabel`. */
export const relabelKind: ComponentKind<RelabelArguments> = {
  name: "discovery.relabel",
  summary: "Changes, keeps and drops targets by rules on their labels, and exports what is left.",
  schema: relabelArguments,
  exports: "targets",
  prepare: prepareRules,
  warnings: (id, args, written = []) => [
    ...(args.targets.length > 0 ? [] : [`${id}: "targets" is empty: it exports no target`]),
    ...missingGroupWarnings(id, args.rule),
    ...lossWarnings(id, args, [...literalTargets(args), ...written]),
  ],
  literalTargets,
  exportedTarget: (args, target) => relabel(target, targetRules(args)),
  explainTarget(_id, args, target) {
    const steps = explainRules(target, targetRules(args));
    const last = steps.at(-1);
    const result = last ? last.after : target;
    return { steps, ...(result && { target: result }) };
  },
  create: (args, context) => new RelabelComponent(args, context),
};

/** Targets in the file of which nothing is handed on. */
function lossWarnings(id: string, args: RelabelArguments, targets: readonly Target[]): readonly string[] {
  const rules = targetRules(args);
  const outcomes = targets.map((target) => relabelled(target, rules));
  const failures = outcomes.flatMap((outcome) => ("failed" in outcome ? [outcome.failed] : []));
  const dropped = outcomes.filter((outcome) => "droppedBy" in outcome).length;
  return [
    ...new Set(failures.map((failure) => `${id}: ${failure}; this target is skipped`)),
    ...(dropped > 0 ? [droppedWarning({ id, dropped, of: targets.length })] : []),
  ];
}
