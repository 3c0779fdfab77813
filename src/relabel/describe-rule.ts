import { type RuleArguments, ruleDefaults } from "./arguments.ts";

/** What a rule does, for people: `keep where __meta_kubernetes_pod_phase matches "Running"`. */
export function describeRule(rule: RuleArguments): string {
  const { action, modulus, target_label: target, replacement } = rule;
  const regex = JSON.stringify(rule.regex);
  switch (action) {
    case "replace":
      return `set ${target} to ${describeReplacement(rule)}`;
    case "keep":
    case "drop":
      return `${action} where ${sourceOf(rule)} matches ${regex}`;
    case "keepequal":
      return `keep where ${sourceOf(rule)} equals ${target}`;
    case "dropequal":
      return `drop where ${sourceOf(rule)} equals ${target}`;
    case "hashmod":
      return `set ${target} to the hash of ${sourceOf(rule)} modulo ${modulus}`;
    case "lowercase":
    case "uppercase":
      return `set ${target} to ${sourceOf(rule)} in ${action.replace("case", " case")}`;
    case "labelmap":
      return `copy every label that matches ${regex} to ${JSON.stringify(replacement)}`;
    case "labeldrop":
      return `remove every label that matches ${regex}`;
    case "labelkeep":
      return `remove every label that does not match ${regex}`;
  }
}

function describeReplacement(rule: RuleArguments): string {
  const { regex, replacement, source_labels: names = [] } = rule;
  const written = JSON.stringify(replacement);
  if (regex !== ruleDefaults.regex) return `${written} where ${sourceOf(rule)} matches ${JSON.stringify(regex)}`;
  if (/^\$(?:1|\{1\})$/.test(replacement)) return sourceOf(rule);
  return names.length > 0 && replacement.includes("$") ? `${written} of ${sourceOf(rule)}` : written;
}

function sourceOf({ source_labels: names = [], separator }: RuleArguments): string {
  if (names.length === 0) return "nothing";
  return names.length === 1 ? `${names[0]}` : `${names.join(", ")} joined by ${JSON.stringify(separator)}`;
}
