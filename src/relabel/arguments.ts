import * as v from "valibot";
import { AgentError, limits, preview } from "../base/index.ts";
import {
  choice,
  crossCheck,
  isTable,
  labelNameProblem,
  number,
  oneOrMany,
  optional,
  type Report,
  table,
  text,
  word,
} from "../schema/index.ts";
import { compilePattern, loadEngine, needsEngine } from "./pattern.ts";

const actions = [
  "replace",
  "keep",
  "drop",
  "keepequal",
  "dropequal",
  "hashmod",
  "labelmap",
  "labeldrop",
  "labelkeep",
  "lowercase",
  "uppercase",
] as const;

/** Values of the arguments that a rule leaves out (reference 6.8). */
export const ruleDefaults = { separator: ";", regex: "(.*)", modulus: 0, replacement: "$1" } as const;

/** One `rule` table as the configuration has it, defaults filled in. */
export interface RuleArguments {
  readonly action: (typeof actions)[number];
  readonly source_labels?: readonly string[] | undefined;
  readonly separator: string;
  readonly regex: string;
  readonly modulus: number;
  readonly target_label?: string | undefined;
  readonly replacement: string;
}

/** A rule that says which labels it is for. */
export interface ScopedRuleArguments extends RuleArguments {
  readonly scope: "profile" | "sample";
}

function ruleEntries() {
  return {
    source_labels: optional(oneOrMany(word()), {
      description: "Labels whose values are joined and matched; an absent one counts as empty",
      example: ["__meta_kubernetes_namespace", "__meta_kubernetes_pod_name"],
    }),
    separator: optional(text(), {
      default: ruleDefaults.separator,
      description: "What stands between the joined values",
      example: "/",
    }),
    regex: optional(text(), {
      default: ruleDefaults.regex,
      description: "RE2 expression that must match the joined values whole",
      example: "prod-(.+)",
    }),
    modulus: optional(number(0), {
      default: ruleDefaults.modulus,
      description: "Divisor of the action `hashmod`",
      example: 4,
    }),
    target_label: optional(text(), {
      description: "The label that is written; `replace` may name it by groups, as in `__profile_${1}_path__`",
      example: "namespace",
    }),
    replacement: optional(text(), {
      default: ruleDefaults.replacement,
      description: "What is written; `$1` and `${name}` are groups of `regex`, `$$` is a dollar sign",
      example: "${1}-eu",
    }),
    action: optional(choice(actions), { default: "replace", description: "What is done", example: "keep" }),
  };
}

const checked = ["action", "source_labels", "separator", "regex", "modulus", "target_label", "replacement"] as const;

/** The `rule` tables of a component (reference 6.8). `prepareRules` has to come before they are read. */
export function relabelRules() {
  return bounded(oneOrMany(v.pipe(table(ruleEntries()), ruleCheck<RuleArguments>())));
}

/** The same, each with the labels it is for: those of the profile, or those inside it. */
export function scopedRelabelRules() {
  const entries = {
    ...ruleEntries(),
    scope: optional(choice(["profile", "sample"]), {
      default: "profile",
      description:
        "Whether the rule sees the labels of the profile, or one after the other those of its samples (pprof labels)",
      example: "sample",
    }),
  };
  return bounded(oneOrMany(v.pipe(table(entries), ruleCheck<ScopedRuleArguments>())));
}

function bounded<Rules extends v.GenericSchema<unknown, readonly unknown[]>>(rules: Rules) {
  return v.pipe(
    rules,
    v.check(
      (list) => list.length <= limits.relabelRules,
      ({ input }) => `at most ${limits.relabelRules} rules are taken, found ${(input as readonly unknown[]).length}`,
    ),
  );
}

/** Loads what the rules of a component's table need; the schemas above cannot wait for it. */
export async function prepareRules(component: unknown): Promise<void> {
  const rules = isTable(component) ? [component["rule"]].flat() : [];
  const regexes = rules.map((rule) => (isTable(rule) ? rule["regex"] : undefined));
  if (regexes.some((regex) => typeof regex === "string" && needsEngine(regex))) await loadEngine();
}

function ruleCheck<Arguments extends RuleArguments>() {
  return crossCheck<Arguments>(checked, (rule, report) => {
    checkArguments(rule, report);
    checkNames(rule, report);
    try {
      compilePattern(rule.regex);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      report(["regex"], thrown.message);
    }
  });
}

type Argument = (typeof checked)[number];

/** Arguments that an action does not look at: where one stands, something else was meant. */
const unusedBy: Partial<Record<RuleArguments["action"], readonly Argument[]>> = {
  lowercase: ["replacement"],
  uppercase: ["replacement"],
  keepequal: ["separator", "regex", "modulus", "replacement"],
  dropequal: ["separator", "regex", "modulus", "replacement"],
  labeldrop: ["source_labels", "separator", "modulus", "target_label", "replacement"],
  labelkeep: ["source_labels", "separator", "modulus", "target_label", "replacement"],
};

const needTarget: ReadonlySet<string> = new Set([
  "replace",
  "hashmod",
  "keepequal",
  "dropequal",
  "lowercase",
  "uppercase",
]);

function checkArguments(rule: RuleArguments, report: Report): void {
  const { action, target_label, modulus } = rule;
  if (needTarget.has(action) && !target_label) report([], `the action "${action}" needs target_label`);
  if (action === "hashmod" && modulus === 0) report([], 'the action "hashmod" needs a modulus above 0');
  const defaults: Partial<Record<Argument, unknown>> = ruleDefaults;
  for (const name of unusedBy[action] ?? [])
    if (rule[name] !== defaults[name]) report([name], `does nothing for the action "${action}"; remove it`);
}

function checkNames({ action, target_label: target, replacement }: RuleArguments, report: Report): void {
  if (target && needTarget.has(action)) {
    const problem = action === "replace" ? nameTemplateProblem(target) : labelNameProblem(target);
    if (problem !== undefined) report(["target_label"], problem);
  }
  const problem = action === "labelmap" ? nameTemplateProblem(replacement) : undefined;
  if (problem !== undefined) report(["replacement"], problem);
}

/** Why this can never become the name of a label, whatever its groups catch. */
function nameTemplateProblem(template: string): string | undefined {
  // A group may catch nothing but what a name may begin with.
  const name = template.replace(/\$(?:\w+|\{\w+\})/g, "_");
  if (name === template) return labelNameProblem(template);
  if (name.includes("$"))
    return `"${preview(template)}" cannot become a label name: a dollar sign must begin a group such as \${1} or \${name}`;
  return labelNameProblem(name) === undefined
    ? undefined
    : `"${preview(template)}" cannot become a label name, which must match [a-zA-Z_][a-zA-Z0-9_.]*`;
}
