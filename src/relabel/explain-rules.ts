import type { RelabelStep, Target } from "../model/index.ts";
import { relabel } from "./relabel.ts";
import type { Rule } from "./rule.ts";

/** What each rule does to a target, up to the one that drops it. Throws what `relabel` throws. */
export function explainRules(target: Target, rules: readonly Rule[]): readonly RelabelStep[] {
  const steps: RelabelStep[] = [];
  let before = target;
  for (const rule of rules) {
    const after = relabel(before, [rule]);
    steps.push({ name: rule.name, rule: rule.description, action: rule.action, before, ...(after && { after }) });
    if (!after) break;
    before = after;
  }
  return steps;
}
