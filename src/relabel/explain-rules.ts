import { type Labels, labelsMap, type RelabelStep, type Target } from "../model/index.ts";
import { relabel } from "./relabel.ts";
import type { Rule } from "./rule.ts";

/** What each rule does to a target, up to the one that drops it, and why. Throws what `relabel` throws. */
export function explainRules(target: Target, rules: readonly Rule[]): readonly RelabelStep[] {
  const steps: RelabelStep[] = [];
  let before = target;
  for (const rule of rules) {
    const after = relabel(before, [rule]);
    const { because, ...seen } = rule.insight(before);
    steps.push({
      name: rule.name,
      rule: rule.description,
      action: rule.action,
      before,
      ...(after && { after }),
      ...seen,
      ...(because !== undefined && !isSet(before, after) && { because }),
    });
    if (!after) break;
    before = after;
  }
  return steps;
}

/** Whether a label was set: that speaks for itself, and one that went does not. */
function isSet(before: Labels, after: Labels | undefined): boolean {
  if (!after) return false;
  const known = labelsMap(before);
  return after.some(({ name, value }) => known.get(name) !== value);
}
