import { escaped, withoutUserinfo } from "../base/index.ts";
import { formatLabel, formatLabels, formatLabelValue, type RelabelStep } from "../model/index.ts";
import { droppingStep } from "./explain-outcome.ts";
import type { ExplainedScrape, ExplainedTarget, Passage, Sending } from "./explain-targets.ts";
import { bounded, type Explanation, formatSummary, whyNothing } from "./explain-summary.ts";
import { type LabelChange, labelChanges } from "./label-changes.ts";

/** More would not be read. */
const shownTargets = 20;

/** The explanations for people: what was found and what comes of it, then target by target. */
export function formatExplanation(explanation: Explanation): string {
  const { found, chosen, shared, warnings } = explanation;
  const summary = found.length > 0 ? formatSummary(explanation) : [];
  const sharing = shared.map(
    (id) => `In the cluster, each target of ${id} is scraped by the one agent that it falls to.\n`,
  );
  const more = chosen.length - shownTargets;
  const rest =
    more > 0
      ? [`… and ${more} more targets: choose some by a text that their labels hold, or see all with --json\n`]
      : [];
  const nothing = chosen.length === 0 ? [whyNothing(explanation)] : [];
  return [
    ...summary,
    ...nothing,
    ...chosen.slice(0, shownTargets).map(({ explain }) => formatTarget(explain())),
    ...rest,
    ...sharing,
    ...(warnings.length > 0
      ? [
          bounded(warnings.map((warning) => `Warning: ${escaped(warning)}`))
            .map((line) => `${line}\n`)
            .join(""),
        ]
      : []),
  ].join("\n");
}

function formatTarget({ target, foundBy, passages }: ExplainedTarget): string {
  const origin = foundBy === undefined ? "" : `, found by ${foundBy}`;
  const unused = passages.length === 0 ? "  no component takes it\n" : "";
  return `${formatLabels(target)}${origin}\n${unused}${passages.map(formatPassage).join("")}`;
}

function formatPassage(passage: Passage): string {
  const { component, from, steps, target, scrapes = [], problem } = passage;
  const source = from === undefined ? "" : `, from ${from}`;
  const rules = steps.length === 0 && problem === undefined ? ["    no rule\n"] : steps.map(formatStep);
  const result = target ? [`    exports ${formatLabels(target)}\n`] : [];
  const urls = droppingStep(passage) || target ? [] : formatUrls(scrapes);
  const failure = problem === undefined ? [] : [`    ${escaped(problem)}\n`];
  return `  ${component}${source}\n${[...rules, ...result, ...failure, ...urls].join("")}`;
}

function formatStep(step: RelabelStep): string {
  const lines = formatOutcome(step).map((line) => `      ${line}\n`);
  return `    ${escaped(`${step.name}: ${step.rule}`)}\n${lines.join("")}`;
}

function formatOutcome({ action, before, after, because }: RelabelStep): readonly string[] {
  const why = because === undefined ? "" : `: ${because}`;
  if (!after) return [`DROPPED${why}`];
  const changed = labelChanges(before, after).map(formatChange);
  if (changed.length > 0) return because === undefined ? changed : [...changed, because];
  return [`${/^(?:keep|drop)/.test(action) ? "kept" : "no change"}${why}`];
}

function formatChange({ name, was, is }: LabelChange): string {
  if (is === undefined) return `- ${formatLabel({ name, value: was ?? "" })}`;
  const now = formatLabel({ name, value: is });
  return was === undefined ? `+ ${now}` : `~ ${now}, was ${formatLabelValue({ name, value: was })}`;
}

function formatUrls(scrapes: readonly ExplainedScrape[]): readonly string[] {
  if (scrapes.length === 0) return ["    nothing is scraped\n"];
  return scrapes.map(({ url, labels, isDuplicate, sentAs }) => {
    const shownUrl = escaped(withoutUserinfo(url));
    if (isDuplicate) return `    scrapes ${shownUrl} once, as another target of the same process\n`;
    return `    scrapes ${shownUrl}\n      as ${formatLabels(labels)}\n${sentAs.map(formatSending).join("")}`;
  });
}

/** What a receiver changes, and which of its rules change nothing; empty where it has none. */
function formatSending({ receiver, steps, labels, problem, insideRules }: Sending): string {
  const telling = steps.filter(({ before, after }) => !after || labelChanges(before, after).length > 0);
  const idle = steps.filter((step) => !telling.includes(step)).map(({ name }) => name);
  const inside =
    insideRules.length > 0 &&
    `${insideRules.join(", ")} (scope "sample"): on the labels inside the profile, which only the profile shows`;
  const isChanged = telling.length > 0 || problem !== undefined || inside;
  const result = isChanged ? (problem ?? (labels && `sends it as ${formatLabels(labels)}`)) : undefined;
  const lines = [
    ...telling.flatMap((step) => [`  ${step.name}: ${step.rule}`, ...formatOutcome(step).map((line) => `    ${line}`)]),
    ...(idle.length > 0 ? [`  ${idle.join(", ")}: no change`] : []),
    ...(inside && labels ? [`  ${inside}`] : []),
    ...(result === undefined ? [] : [`  ${result}`]),
  ];
  return lines.length > 0 ? [receiver, ...lines].map((line) => `      ${escaped(line)}\n`).join("") : "";
}
