import { formatDuration, withoutUserinfo } from "../base/index.ts";
import type { ComponentConfig } from "../component/index.ts";
import { formatLabels, type Labels, labelsKey, labelsToJson, type PlannedScrape } from "../model/index.ts";

/** What a configuration would do, before anything is requested. */
export interface Plan {
  readonly components: readonly PlannedComponent[];
  /** What is legal but probably not meant, a sentence each. */
  readonly warnings: readonly string[];
}

export interface PlannedComponent {
  readonly id: string;
  /** The components that receive its profiles. */
  readonly forwardTo: readonly string[];
  /** The components that find targets for it; what they find is only known once they run. */
  readonly targetsFrom: readonly string[];
  readonly scrapes: readonly PlannedRequest[];
}

export interface PlannedRequest extends PlannedScrape {
  /** By receiver that changes the labels: those it sends the profiles with, or `undefined` where it drops them. */
  readonly sentAs: ReadonlyMap<string, Labels | undefined>;
}

export function planOf(config: { components: readonly ComponentConfig[]; warnings: readonly string[] }): Plan {
  const byId = new Map(config.components.map((component) => [component.id, component]));
  return {
    warnings: config.warnings,
    components: config.components.map(({ id, kind, args, references }) => {
      const forwardTo = references.filter(({ needs }) => needs === "receiver").map((reference) => reference.id);
      const receivers = forwardTo.flatMap((receiver) => byId.get(receiver) ?? []);
      const scrapes = kind.plan?.(id, args) ?? [];
      return {
        id,
        forwardTo,
        targetsFrom: references.filter(({ needs }) => needs === "targets").map((reference) => reference.id),
        scrapes: scrapes.map((scrape) => ({ ...scrape, sentAs: changedLabels(scrape.labels, receivers) })),
      };
    }),
  };
}

function changedLabels(labels: Labels, receivers: readonly ComponentConfig[]): PlannedRequest["sentAs"] {
  const changed = new Map<string, Labels | undefined>();
  for (const { id, kind, args } of receivers) {
    const outgoing = kind.outgoingLabels ? kind.outgoingLabels(args, labels) : labels;
    if (!outgoing || labelsKey(outgoing) !== labelsKey(labels)) changed.set(id, outgoing);
  }
  return changed;
}

/** The plan for people. */
export function formatPlan({ components, warnings }: Plan): string {
  const urls = components.reduce((sum, { scrapes }) => sum + scrapes.length, 0);
  const head = `Valid: ${counted(components.length, "component")}, ${counted(urls, "URL")} to scrape\n`;
  const parts = components.map(formatComponent);
  const tail = warnings.map((warning) => `Warning: ${warning}\n`).join("");
  return [head, ...parts, tail].filter((part) => part !== "").join("\n");
}

/** The plan for machines; a scrape looks as in `/api/v0/targets`. */
export function planToJson({ components, warnings }: Plan): unknown {
  return {
    valid: true,
    components: components.map(({ id, forwardTo, targetsFrom, scrapes }) => ({
      id,
      forward_to: forwardTo,
      targets_from: targetsFrom,
      scrapes: scrapes.map(scrapeToJson),
    })),
    warnings,
  };
}

function formatComponent({ id, forwardTo, targetsFrom, scrapes }: PlannedComponent): string {
  const receivers = forwardTo.length > 0 ? ` -> ${forwardTo.join(", ")}` : "";
  const found = targetsFrom.map((source) => `  and the targets that ${source} finds\n`);
  return `${id}${receivers}\n${scrapes.map(formatScrape).join("")}${found.join("")}`;
}

const deltas: Readonly<Record<PlannedScrape["delta"], string>> = {
  agent: ", delta by the agent",
  target: ", delta by the target",
  none: "",
};

function formatScrape({ type, url, intervalMs, seconds, timeoutMs, delta, labels, sentAs }: PlannedRequest): string {
  const profiled = seconds === undefined ? "" : `, ${formatDuration(seconds * 1000)} long`;
  const times = `every ${formatDuration(intervalMs)}${profiled}, timeout ${formatDuration(timeoutMs)}`;
  return `  ${withoutUserinfo(url)}\n    ${type}: ${times}${deltas[delta]}\n    ${formatLabels(labels)}\n${[...sentAs].map(formatSentAs).join("")}`;
}

function formatSentAs([receiver, labels]: readonly [string, Labels | undefined]): string {
  if (!labels) return `    ${receiver} drops it by a rule\n`;
  return `    ${receiver} sends it as ${formatLabels(labels)}\n`;
}

function scrapeToJson(scrape: PlannedRequest): unknown {
  const { job, type, url, intervalMs, seconds, timeoutMs, delta, labels, sentAs } = scrape;
  return {
    url: withoutUserinfo(url),
    type,
    job,
    scrape_interval: formatDuration(intervalMs),
    scrape_timeout: formatDuration(timeoutMs),
    seconds,
    delta,
    labels: labelsToJson(labels),
    sent_as: Object.fromEntries([...sentAs].map(([receiver, sent]) => [receiver, sent ? labelsToJson(sent) : null])),
  };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
