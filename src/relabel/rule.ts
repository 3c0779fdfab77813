import { createHash } from "node:crypto";
import { limits } from "../base/index.ts";
import type { Labels } from "../model/index.ts";
import type { RuleArguments } from "./arguments.ts";
import { lowerCase, upperCase } from "./letter-case.ts";
import { compilePattern } from "./pattern.ts";
import type { RuleInsight } from "./rule-insight.ts";
import { constantOf, expand, parseTemplate } from "./template.ts";

/** A rule ready to be applied. */
export interface Rule {
  /** Where it stands: `rule[0]` as in the configuration's paths, or `preset`. */
  readonly name: string;
  /** For people: `keep where __meta_pod matches "prod-.+"`. */
  readonly description: string;
  readonly action: string;
  /** Carries the rule out on `labels`; false drops the set. An empty value stands for a label that is absent. */
  apply(labels: RuleLabels): boolean;
  /** What it saw in a label set, and why it left it as it is, kept or dropped it. */
  insight(labels: Labels): RuleInsight;
}

/** A label set under change. */
export interface RuleLabels {
  /** The value, or the empty string where the label is absent. */
  get(name: string): string;
  /** Sets the label; an empty value removes it. */
  set(name: string, value: string): void;
  /** As they are now; changing the set meanwhile is safe. */
  entries(): readonly (readonly [name: string, value: string])[];
}

type Apply = Rule["apply"];

/** What carries out a rule. Throws AgentError `bad_regex`. */
export function compileApply(rule: RuleArguments): Apply {
  return actions[rule.action](rule);
}

const actions: Readonly<Record<RuleArguments["action"], (rule: RuleArguments) => Apply>> = {
  replace,
  keep: matching,
  drop: (rule) => not(matching(rule)),
  keepequal: equal,
  dropequal: (rule) => not(equal(rule)),
  hashmod: (rule) => writing(rule, (text) => hashmod(text, rule.modulus)),
  labelmap,
  labeldrop: (rule) => removing(rule, (matches) => matches),
  labelkeep: (rule) => removing(rule, (matches) => !matches),
  lowercase: (rule) => writing(rule, lowerCase),
  uppercase: (rule) => writing(rule, upperCase),
};

/** The values of the source labels, joined. */
function sourceOf({ source_labels: names = [], separator }: RuleArguments): (labels: RuleLabels) => string {
  const [only] = names;
  if (names.length === 1 && only !== undefined) return (labels) => labels.get(only);
  return (labels) => names.map((name) => labels.get(name)).join(separator);
}

function not(apply: Apply): Apply {
  return (labels) => !apply(labels);
}

function matching(rule: RuleArguments): Apply {
  const source = sourceOf(rule);
  const pattern = compilePattern(rule.regex);
  return (labels) => pattern(source(labels)) !== undefined;
}

function equal(rule: RuleArguments): Apply {
  const source = sourceOf(rule);
  const target = rule.target_label ?? "";
  return (labels) => labels.get(target) === source(labels);
}

function writing(rule: RuleArguments, change: (text: string) => string): Apply {
  const source = sourceOf(rule);
  const target = rule.target_label ?? "";
  return (labels) => {
    labels.set(target, change(source(labels)));
    return true;
  };
}

function replace(rule: RuleArguments): Apply {
  const source = sourceOf(rule);
  const pattern = compilePattern(rule.regex);
  const target = parseTemplate(rule.target_label ?? "");
  const replacement = parseTemplate(rule.replacement);
  const constantTarget = constantOf(target);
  return (labels) => {
    const groups = pattern(source(labels));
    if (!groups) return true;
    const name = constantTarget ?? expand(target, groups);
    if (name !== "") labels.set(name, expand(replacement, groups));
    return true;
  };
}

function labelmap(rule: RuleArguments): Apply {
  const pattern = compilePattern(rule.regex);
  const replacement = parseTemplate(rule.replacement);
  const mappedName = remembering((name) => {
    const groups = pattern(name);
    return groups ? expand(replacement, groups) : "";
  });
  return (labels) => {
    for (const [name, value] of labels.entries()) {
      const mapped = mappedName(name);
      if (mapped !== "") labels.set(mapped, value);
    }
    return true;
  };
}

function removing(rule: RuleArguments, isRemoved: (matches: boolean) => boolean): Apply {
  const pattern = compilePattern(rule.regex);
  const goes = remembering((name) => isRemoved(pattern(name) !== undefined));
  return (labels) => {
    for (const [name] of labels.entries()) if (goes(name)) labels.set(name, "");
    return true;
  };
}

/** With what was found out for a name before: names of labels are few, and matching them costs more than all else. */
function remembering<T>(find: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    // Names that go round in thousands are not worth more.
    if (known.size >= limits.relabelRememberedNames) known.clear();
    const found = find(name);
    known.set(name, found);
    return found;
  };
}

/** Prometheus' hash: the last 8 bytes of MD5, so that targets are shared out as by its servers. */
function hashmod(text: string, modulus: number): string {
  const last8 = createHash("md5").update(text).digest().readBigUInt64BE(8);
  return String(last8 % BigInt(modulus));
}
