import { type Labels, labelsOf, labelValue } from "../../model/index.ts";
import {
  compileRules,
  internalLabelWarnings,
  missingGroupWarnings,
  relabel,
  type ScopedRuleArguments,
} from "../../relabel/index.ts";

/** What every profile has, whatever its target. */
const anySeries: Labels = labelsOf({ __name__: "process_cpu" });

/** Rules that do something else than what was meant. */
export function ruleWarnings(id: string, rules: readonly ScopedRuleArguments[]): readonly string[] {
  return [...missingGroupWarnings(id, rules), ...internalLabelWarnings(id, rules), ...namelessWarnings(id, rules)];
}

/** Rules that take from every profile the name of its type, without which no server takes it. */
function namelessWarnings(id: string, rules: readonly ScopedRuleArguments[]): readonly string[] {
  return rules.flatMap((rule, index) => {
    if (rule.scope !== "profile" || !rule.action.startsWith("label")) return [];
    const isSetLater = rules.slice(index).some(({ target_label: target }) => target === "__name__");
    const kept = isSetLater ? anySeries : relabel(anySeries, compileRules([rule]));
    if (kept && labelValue(kept, "__name__") !== "") return [];
    return [`rule[${index}] of ${id} removes __name__: every profile is dropped; let it keep "__.*" too`];
  });
}
