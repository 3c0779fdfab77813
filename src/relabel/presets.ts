import { choice, optional } from "../schema/index.ts";
import { type RuleArguments, ruleDefaults } from "./arguments.ts";
import { compileRules } from "./compile-rules.ts";
import { annotationRule } from "./kubernetes-annotations.ts";
import type { Rule } from "./rule.ts";

const presets = ["kubernetes-annotations"] as const;

/** The argument that names a ready-made set of rules. */
export function rulesPreset() {
  return optional(choice(presets), {
    description:
      "A ready-made set of rules, before those of `rule`: `kubernetes-annotations` scrapes what the annotations `profiles.grafana.com/<type>.scrape` of pods, or labels of containers of the same names, ask for",
    example: "kubernetes-annotations",
  });
}

/** The arguments of a component that relabels targets. */
export interface TargetRules {
  readonly rules_preset?: (typeof presets)[number] | undefined;
  readonly rule: readonly RuleArguments[];
}

/** Every rule on targets, in order; compiled once for as long as the arguments live. Throws AgentError `bad_regex`. */
export function targetRules({ rules_preset: preset, rule }: TargetRules): readonly Rule[] {
  return preset === undefined ? compileRules(rule) : [...kubernetesAnnotations, ...compileRules(rule)];
}

function presetRule(action: "keep" | "drop" | "replace", source: string, rest: Partial<RuleArguments>): RuleArguments {
  return { ...ruleDefaults, action, source_labels: [source], ...rest };
}

const pod = "__meta_kubernetes_pod";

const kubernetesAnnotations: readonly Rule[] = [
  ...compileRules([
    presetRule("drop", `${pod}_phase`, { regex: "Pending|Succeeded|Failed|Completed" }),
    presetRule("drop", `${pod}_container_init`, { regex: "true" }),
  ]),
  annotationRule,
  ...compileRules([
    presetRule("replace", "__meta_kubernetes_namespace", { regex: "(.+)", target_label: "namespace" }),
    presetRule("replace", `${pod}_name`, { regex: "(.+)", target_label: "pod" }),
    presetRule("replace", `${pod}_container_name`, { regex: "(.+)", target_label: "container" }),
  ]),
].map((rule) => ({ ...rule, name: "preset" }));
