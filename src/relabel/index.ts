/**
 * relabel: rules that change, keep or drop label sets, as Prometheus defines them; a pure function.
 *
 * Flow: `prepareRules` loads the engine where a rule needs one → `relabelRules` reads and checks the tables → `targetRules` or
 * `compileRules` → `relabel`, or `explainRules` for people.
 *
 * Constraints: linear in the length of what is matched (RE2). What rules may make of a label set is bounded. Expressions match a text
 * whole, line breaks included. re2js costs 3 MB and 20 ms, so plain expressions do without it and the others load it late.
 *
 * Departure from Prometheus: a name in the configuration that no receiver would take is refused; one that groups catch is
 * taken, and made legal where the labels leave the agent.
 */
export {
  prepareRules,
  relabelRules,
  type RuleArguments,
  type ScopedRuleArguments,
  scopedRelabelRules,
} from "./arguments.ts";
export { compileRules } from "./compile-rules.ts";
export { droppedWarning } from "./dropped-warning.ts";
export { explainRules } from "./explain-rules.ts";
export { internalLabelWarnings } from "./internal-labels.ts";
export { missingGroupWarnings } from "./missing-groups.ts";
export { rulesPreset, type TargetRules, targetRules } from "./presets.ts";
export { compilePattern, loadEngine, needsEngine, type Pattern } from "./pattern.ts";
export { relabel, type RelabelOptions } from "./relabel.ts";
export type { Rule, RuleLabels } from "./rule.ts";
