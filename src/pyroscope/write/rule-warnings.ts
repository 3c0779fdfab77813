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

/** One of those whose values arrive as deltas. */
const deltaSeries: Labels = labelsOf({ __name__: "memory", __delta__: "false" });

/** Rules that do something else than what was meant. */
export function ruleWarnings(id: string, rules: readonly ScopedRuleArguments[]): readonly string[] {
  return [
    ...missingGroupWarnings(id, rules),
    ...internalLabelWarnings(id, rules),
    ...namelessWarnings(id, rules),
    ...deltaWarnings(id, rules),
  ];
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

/** Rules that name `__delta__` to change it: `seriesRules` keeps it. Those that would take it along with others are right as they are. */
function deltaWarnings(id: string, rules: readonly ScopedRuleArguments[]): readonly string[] {
  return rules.flatMap((rule, index) => {
    const isNamed =
      rule.target_label === "__delta__" || (rule.action === "labeldrop" && rule.regex.includes("__delta__"));
    if (rule.scope !== "profile" || !isNamed) return [];
    const changed = relabel(deltaSeries, compileRules([rule]));
    if (!changed || labelValue(changed, "__delta__") === "false") return [];
    return [
      `rule[${index}] of ${id} does not change __delta__="false": without it, some servers would subtract a second time; take __delta__ out of the rule`,
    ];
  });
}
