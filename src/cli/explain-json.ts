import { withoutUserinfo } from "../base/index.ts";
import { labelsKey, labelsToJson, type Labels, type RelabelStep } from "../model/index.ts";
import { outcomeOf } from "./explain-outcome.ts";
import type { Explanation } from "./explain-summary.ts";
import type { ExplainedScrape, ExplainedTarget, Passage, Sending } from "./explain-targets.ts";
import { labelChanges } from "./label-changes.ts";

/** The explanations for machines. */
export function explanationsToJson({ found, chosen }: Explanation): unknown {
  return {
    found: found.map(({ component, targets, isComplete, failures, skippedObjects }) => ({
      component: component.id,
      targets: targets.length,
      complete: isComplete,
      skipped_objects: skippedObjects,
      failures: failures.map(({ source, message }) => ({ source, error: message })),
    })),
    targets: chosen.map(targetToJson),
  };
}

function targetToJson(explained: ExplainedTarget): unknown {
  const { target, foundBy, passages } = explained;
  return {
    target: labelsToJson(target),
    found_by: foundBy,
    outcome: outcomeOf(explained).is,
    components: passages.map(passageToJson),
  };
}

function passageToJson({ component, from, steps, target, scrapes, problem }: Passage): unknown {
  return {
    component,
    from,
    rules: steps.map(stepToJson),
    exported: target ? labelsToJson(target) : undefined,
    scrapes: scrapes?.map(scrapeToJson),
    problem,
  };
}

function stepToJson({ name, rule, action, before, after }: RelabelStep): unknown {
  return {
    name,
    action,
    description: rule,
    outcome: !after ? "dropped" : labelChanges(before, after).length > 0 ? "changed" : "unchanged",
    before: labelsToJson(before),
    after: after ? labelsToJson(after) : undefined,
  };
}

function scrapeToJson({ type, url, labels, isDuplicate, sentAs }: ExplainedScrape): unknown {
  return {
    type,
    url: withoutUserinfo(url),
    labels: labelsToJson(labels),
    duplicate: isDuplicate || undefined,
    sent_as: Object.fromEntries(sentAs.flatMap((sending) => sentAsToJson(sending, labels))),
    receivers: sentAs.map(receiverToJson),
  };
}

/** As in the plan: `null` where a rule drops it, and nothing where the labels stay as they are. */
function sentAsToJson({ receiver, labels, problem }: Sending, before: Labels): readonly (readonly [string, unknown])[] {
  if (problem !== undefined) return [[receiver, { problem }]];
  if (!labels) return [[receiver, null]];
  return labelsKey(labels) === labelsKey(before) ? [] : [[receiver, labelsToJson(labels)]];
}

function receiverToJson({ receiver, steps, labels, problem, insideRules }: Sending): unknown {
  return {
    component: receiver,
    rules: steps.map(stepToJson),
    inside_rules: insideRules,
    labels: labels ? labelsToJson(labels) : undefined,
    problem,
  };
}
