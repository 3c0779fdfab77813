import { withoutUserinfo } from "../base/index.ts";
import { type Labels, labelsKey, labelsToJson, type RelabelStep, withoutPasswords } from "../model/index.ts";
import type { JudgedTarget } from "./explain-all.ts";
import type { Explanation } from "./explain-summary.ts";
import type { ExplainedScrape, Passage, Sending } from "./explain-targets.ts";
import type { Found } from "./find-targets.ts";
import { jsonText } from "./json-text.ts";
import { labelChanges } from "./label-changes.ts";

/** The explanations for machines: one document, target by target, since all of them together may be gigabytes. */
export function* explanationJson({ found, chosen, warnings }: Explanation): Generator<string> {
  yield `{\n  "found": ${jsonText(found.map(foundToJson), { indent: 2 })},\n  "targets": [`;
  for (const [index, target] of chosen.entries())
    yield `${index === 0 ? "" : ","}\n    ${jsonText(targetToJson(target), { indent: 4 })}`;
  yield `${chosen.length === 0 ? "" : "\n  "}],\n  "warnings": ${jsonText(warnings, { indent: 2 })}\n}\n`;
}

function foundToJson({ component, targets, isComplete, failures, remarks, skippedObjects }: Found): unknown {
  return {
    component: component.id,
    targets: targets.length,
    complete: isComplete,
    skipped_objects: skippedObjects,
    remarks: remarks.map(({ source, message }) => ({ source, remark: message })),
    failures: failures.map(({ source, message }) => ({ source, error: message })),
  };
}

function targetToJson({ outcome, explain }: JudgedTarget): unknown {
  const { target, foundBy, passages } = explain();
  return {
    target: labelsJson(target),
    found_by: foundBy,
    outcome: outcome.is,
    components: passages.map(passageToJson),
  };
}

function passageToJson({ component, from, steps, target, scrapes, problem }: Passage): unknown {
  return {
    component,
    from,
    rules: steps.map(stepToJson),
    exported: target ? labelsJson(target) : undefined,
    scrapes: scrapes?.map(scrapeToJson),
    problem,
  };
}

function stepToJson({ name, rule, action, before, after, input, matched, because }: RelabelStep): unknown {
  return {
    name,
    action,
    description: rule,
    input,
    matched,
    because,
    effect: !after ? "dropped" : labelChanges(before, after).length > 0 ? "changed" : "unchanged",
    before: labelsJson(before),
    after: after ? labelsJson(after) : undefined,
  };
}

function scrapeToJson({ type, url, labels, isDuplicate, sentAs }: ExplainedScrape): unknown {
  return {
    type,
    url: withoutUserinfo(url),
    labels: labelsJson(labels),
    duplicate: isDuplicate || undefined,
    sent_as: Object.fromEntries(sentAs.flatMap((sending) => sentAsToJson(sending, labels))),
    receivers: sentAs.map(receiverToJson),
  };
}

/** As in the plan: `null` where a rule drops it, and nothing where the labels stay as they are. */
function sentAsToJson({ receiver, labels, problem }: Sending, before: Labels): readonly (readonly [string, unknown])[] {
  if (problem !== undefined) return [[receiver, { problem }]];
  if (!labels) return [[receiver, null]];
  return labelsKey(labels) === labelsKey(before) ? [] : [[receiver, labelsJson(labels)]];
}

function receiverToJson({ receiver, steps, labels, problem, insideRules }: Sending): unknown {
  return {
    component: receiver,
    rules: steps.map(stepToJson),
    inside_rules: insideRules,
    labels: labels ? labelsJson(labels) : undefined,
    problem,
  };
}

function labelsJson(labels: Labels): unknown {
  return labelsToJson(withoutPasswords(labels));
}
