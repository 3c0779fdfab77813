import { errorMessage } from "../../base/index.ts";
import type { OutgoingExplanation } from "../../component/index.ts";
import { type Labels, labelsKey, type RelabelStep } from "../../model/index.ts";
import { explainRules } from "../../relabel/index.ts";
import { afterRules, type OutgoingArguments, rulesFor, seriesRules } from "./outgoing.ts";
import { seriesLabels } from "./series-labels.ts";

/** What `external_labels` and each rule make of the labels of a profile, for people: the same as `outgoingOf` does. */
export function explainOutgoing(labels: Labels, { external_labels, rule }: OutgoingArguments): OutgoingExplanation {
  const insideRules = rulesFor("sample", rule).map(({ name }) => name);
  let steps: readonly RelabelStep[] = [];
  try {
    const series = seriesLabels(labels, external_labels);
    steps = externalStep(labels, series);
    steps = [...steps, ...explainRules(series, seriesRules(rule))];
    const result = steps.length > 0 ? steps.at(-1)?.after : series;
    return { steps, insideRules, ...(result && { labels: afterRules(result) }) };
  } catch (thrown) {
    return { steps, insideRules, problem: errorMessage(thrown) };
  }
}

/** Nothing where they change nothing. */
function externalStep(before: Labels, after: Labels): readonly RelabelStep[] {
  if (labelsKey(before) === labelsKey(after)) return [];
  return [{ name: "external_labels", rule: "set on every profile", action: "external_labels", before, after }];
}
