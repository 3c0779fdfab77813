import { type Labels, labelsOf } from "../../src/model/index.ts";
import { compileRules, prepareRules, relabel, type RuleArguments } from "../../src/relabel/index.ts";
import { ruleDefaults } from "../../src/relabel/arguments.ts";

/** A rule as a file has it, without what it leaves out. */
export type WrittenRule = Partial<RuleArguments>;

/** What the rules make of a label set. The engine is loaded for all tests of this room. */
export function relabelWith(
  labels: Readonly<Record<string, string>>,
  rules: readonly WrittenRule[],
): Labels | undefined {
  return relabel(labelsOf(labels), compileRules(rules.map(complete)));
}

export function complete(rule: WrittenRule): RuleArguments {
  return { action: "replace", ...ruleDefaults, ...rule };
}

await prepareRules({ rule: { regex: "needs[the]engine" } });
