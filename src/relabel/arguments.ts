import * as v from "valibot";
import { choice, crossCheck, number, oneOrMany, optional, table, text } from "../schema/index.ts";

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

const needsTarget: readonly string[] = ["replace", "hashmod", "keepequal", "dropequal", "lowercase", "uppercase"];

/** One `rule` table (reference 6.8). */
export function relabelRule() {
  return v.pipe(
    table({
      source_labels: optional(oneOrMany(text()), {
        description: "Labels whose values are joined and matched",
        example: ["__meta_namespace", "__meta_pod"],
      }),
      separator: optional(text(), { default: ";", description: "What stands between the joined values", example: "/" }),
      regex: optional(text(), {
        default: "(.*)",
        description: "RE2 expression that must match the joined values whole",
        example: "prod-(.+)",
      }),
      modulus: optional(number(0), { default: 0, description: "Divisor of the action hashmod", example: 4 }),
      target_label: optional(text(), { description: "The label that is written", example: "namespace" }),
      replacement: optional(text(), {
        default: "$1",
        description: "What is written; $1 is the first group of regex",
        example: "$1",
      }),
      action: optional(choice(actions), { default: "replace", description: "What is done", example: "keep" }),
    }),
    crossCheck(["action", "target_label", "modulus"], ({ action, target_label, modulus }, report) => {
      if (needsTarget.includes(action) && !target_label) report([], `the action "${action}" needs target_label`);
      if (action === "hashmod" && modulus === 0) report([], 'the action "hashmod" needs a modulus above 0');
    }),
  );
}
