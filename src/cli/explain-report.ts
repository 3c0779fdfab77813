import { withoutUserinfo } from "../base/index.ts";
import { formatLabels, labelsToJson, type RelabelStep, type Target } from "../model/index.ts";
import type { ExplainedScrape, ExplainedTarget, Passage, Sending } from "./explain-targets.ts";
import { formatSentAs } from "./plan.ts";

/** The explanations for people. */
export function formatExplanations(explained: readonly ExplainedTarget[]): string {
  if (explained.length === 0)
    return "No target to explain: none is written in the file, or none holds that text; give one with --target 'LABEL=VALUE,…'\n";
  return explained.map(formatTarget).join("\n");
}

function formatTarget({ target, passages }: ExplainedTarget): string {
  return `${formatLabels(target)}\n${passages.map(formatPassage).join("")}`;
}

function formatPassage({ component, from, steps, target, scrapes = [], problem }: Passage): string {
  const source = from === undefined ? "" : `, from ${from}`;
  const rules = steps.length === 0 ? ["    no rule\n"] : steps.map(formatStep);
  const isDropped = steps.at(-1)?.after === undefined && steps.length > 0;
  const result = target ? [`    exports ${formatLabels(target)}\n`] : [];
  const urls = isDropped || target ? [] : formatUrls(scrapes);
  const failure = problem === undefined ? [] : [`    ${problem}\n`];
  return `  ${component}${source}\n${[...rules, ...result, ...failure, ...urls].join("")}`;
}

function formatStep(step: RelabelStep): string {
  const lines = formatOutcome(step).map((line) => `      ${line}\n`);
  return `    ${step.name}: ${step.rule}\n${lines.join("")}`;
}

function formatOutcome({ action, before, after }: RelabelStep): readonly string[] {
  if (!after) return ["DROPPED"];
  const changed = changes(before, after).map(formatChange);
  if (changed.length > 0) return changed;
  return [/^(?:keep|drop)/.test(action) ? "kept" : "no change"];
}

function formatChange({ name, was, is }: Change): string {
  if (is === undefined) return `- ${name}="${was}"`;
  return was === undefined ? `+ ${name}="${is}"` : `~ ${name}="${is}", was "${was}"`;
}

function formatUrls(scrapes: readonly ExplainedScrape[]): readonly string[] {
  if (scrapes.length === 0) return ["    nothing is scraped\n"];
  return scrapes.map(
    ({ url, labels, sentAs }) =>
      `    scrapes ${withoutUserinfo(url)}\n      as ${formatLabels(labels)}\n${sentAs.map(formatSending).join("")}`,
  );
}

function formatSending({ receiver, labels, problem }: Sending): string {
  return `  ${problem === undefined ? formatSentAs([receiver, labels]) : `    ${receiver}: ${problem}\n`}`;
}

interface Change {
  readonly name: string;
  readonly was: string | undefined;
  readonly is: string | undefined;
}

/** Labels that differ, by name. */
function changes(before: Target, after: Target): readonly Change[] {
  const [old, current] = [before, after].map((labels) => new Map(labels.map(({ name, value }) => [name, value])));
  const names = [...new Set([...before, ...after].map(({ name }) => name))].sort();
  return names
    .map((name) => ({ name, was: old?.get(name), is: current?.get(name) }))
    .filter(({ was, is }) => was !== is);
}

/** The explanations for machines. */
export function explanationsToJson(explained: readonly ExplainedTarget[]): unknown {
  return {
    targets: explained.map(({ target, passages }) => ({
      target: labelsToJson(target),
      components: passages.map(passageToJson),
    })),
  };
}

function passageToJson({ component, from, steps, target, scrapes, problem }: Passage): unknown {
  return {
    component,
    from,
    rules: steps.map(({ name, rule, action, before, after }) => ({
      name,
      action,
      description: rule,
      outcome: !after ? "dropped" : changes(before, after).length > 0 ? "changed" : "unchanged",
      before: labelsToJson(before),
      after: after ? labelsToJson(after) : undefined,
    })),
    exported: target ? labelsToJson(target) : undefined,
    scrapes: scrapes?.map(({ type, url, labels, sentAs }) => ({
      type,
      url: withoutUserinfo(url),
      labels: labelsToJson(labels),
      sent_as: Object.fromEntries(sentAs.map(sendingToJson)),
    })),
    problem,
  };
}

/** As in the plan: `null` where a rule drops it. */
function sendingToJson({ receiver, labels, problem }: Sending): readonly [string, unknown] {
  return [receiver, problem === undefined ? (labels ? labelsToJson(labels) : null) : { problem }];
}
