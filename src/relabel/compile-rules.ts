import type { RuleArguments } from "./arguments.ts";
import { describeRule } from "./describe-rule.ts";
import { compileApply, type Rule } from "./rule.ts";
import { insightOf } from "./rule-insight.ts";

const compiled = new WeakMap<readonly RuleArguments[], readonly Rule[]>();

/** The rules of a component's arguments, compiled once for as long as the arguments live. Throws AgentError `bad_regex`. */
export function compileRules(rules: readonly RuleArguments[]): readonly Rule[] {
  const known = compiled.get(rules);
  if (known) return known;
  const made = rules.map(compileRule);
  compiled.set(rules, made);
  return made;
}

function compileRule(rule: RuleArguments, index: number): Rule {
  return {
    name: `rule[${index}]`,
    action: rule.action,
    description: describeRule(rule),
    apply: compileApply(rule),
    insight: insightOf(rule),
  };
}
