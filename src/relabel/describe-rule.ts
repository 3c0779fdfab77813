import { type RuleArguments, ruleDefaults } from "./arguments.ts";

/** What a rule does, for people: `keep where __meta_kubernetes_pod_phase matches "Running"`. */
export function describeRule(rule: RuleArguments): string {
  return descriptions[rule.action](rule);
}

type Describe = (rule: RuleArguments) => string;

const descriptions: Readonly<Record<RuleArguments["action"], Describe>> = {
  replace: (rule) => `set ${rule.target_label} to ${describeReplacement(rule)}`,
  keep: (rule) => `keep where ${matches(rule)}`,
  drop: (rule) => `drop where ${matches(rule)}`,
  keepequal: (rule) => `keep where ${sourceOf(rule)} equals ${rule.target_label}`,
  dropequal: (rule) => `drop where ${sourceOf(rule)} equals ${rule.target_label}`,
  hashmod: (rule) => `set ${rule.target_label} to the hash of ${sourceOf(rule)} modulo ${rule.modulus}`,
  labelmap: ({ regex, replacement }) => `copy every label that matches ${quoted(regex)} to ${quoted(replacement)}`,
  labeldrop: ({ regex }) => `remove every label that matches ${quoted(regex)}`,
  labelkeep: ({ regex }) => `remove every label that does not match ${quoted(regex)}`,
  lowercase: (rule) => `set ${rule.target_label} to ${sourceOf(rule)} in lower case`,
  uppercase: (rule) => `set ${rule.target_label} to ${sourceOf(rule)} in upper case`,
};

function describeReplacement(rule: RuleArguments): string {
  const { regex, replacement, source_labels: names = [] } = rule;
  if (regex !== ruleDefaults.regex) return `${quoted(replacement)} where ${matches(rule)}`;
  if (/^\$(?:1|\{1\})$/.test(replacement)) return sourceOf(rule);
  return names.length > 0 && replacement.includes("$")
    ? `${quoted(replacement)} of ${sourceOf(rule)}`
    : quoted(replacement);
}

function matches(rule: RuleArguments): string {
  return `${sourceOf(rule)} matches ${quoted(rule.regex)}`;
}

/** With backslashes in single quotes, as in the file: TOML takes them there as they are. */
function quoted(text: string): string {
  return text.includes("\\") && !/[\p{Cc}']/u.test(text) ? `'${text}'` : JSON.stringify(text);
}

function sourceOf({ source_labels: names = [], separator }: RuleArguments): string {
  if (names.length === 0) return "the empty text";
  return names.length === 1 ? `${names[0]}` : `${names.join(", ")} joined by ${quoted(separator)}`;
}
