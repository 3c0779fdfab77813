import type { ScopedRuleArguments } from "./arguments.ts";

/** Rules on series that look at labels which a target has and a series never has, a sentence each. */
export function internalLabelWarnings(id: string, rules: readonly ScopedRuleArguments[]): readonly string[] {
  /** Set by the rules before. */
  const known = new Set<string>();
  const ofSeries = rules.map((rule, index) => ({ rule, index })).filter(({ rule }) => rule.scope === "profile");
  return ofSeries.flatMap(({ rule, index }) => {
    const found = internalNameOf(rule, known);
    known.add(rule.target_label ?? "");
    if (found === undefined) return [];
    return [
      `rule[${index}] of ${id} looks at "${found}": no label of that kind reaches a pyroscope.write; copy it to another name by a rule of pyroscope.scrape or discovery.relabel`,
    ];
  });
}

function internalNameOf({ action, source_labels: names = [], regex }: ScopedRuleArguments, known: ReadonlySet<string>) {
  if (action === "labelmap") return /^\^?\(?(__meta_\w*)/.exec(regex)?.[1];
  return names.find((name) => ofTargets.test(name) && !known.has(name));
}

/** What the discovery of a target, or its configuration, sets. */
const ofTargets = /^__(?:meta_.*|profile_.*|param_.*|address__|scheme__)$/;
