import { AgentError, formatDuration, withoutUserinfo } from "../base/index.ts";
import type { ClusterSettings } from "../cluster/index.ts";
import { type ComponentConfig, findingSources, writtenTargets } from "../component/index.ts";
import type { Config } from "../config/index.ts";
import { formatLabels, type Labels, labelsKey, labelsToJson, type PlannedScrape } from "../model/index.ts";
import { formatCluster, planCluster } from "./plan-cluster.ts";

/** What a configuration would do, before anything is requested. */
export interface Plan {
  /** The cluster that it would join. */
  readonly cluster?: ClusterSettings | undefined;
  readonly components: readonly PlannedComponent[];
  /** What is legal but probably not meant, a sentence each. */
  readonly warnings: readonly string[];
}

export interface PlannedComponent {
  readonly id: string;
  /** The components that receive its profiles. */
  readonly forwardTo: readonly string[];
  /** The components that hand it targets. */
  readonly targetsFrom: readonly string[];
  /** Those of them whose targets are not all in the file: what is found is only known once they run. */
  readonly findingSources: readonly string[];
  readonly scrapes: readonly PlannedRequest[];
}

export interface PlannedRequest extends PlannedScrape {
  /** By receiver that changes the labels: those it sends the profiles with, or `undefined` where it drops them. */
  readonly sentAs: ReadonlyMap<string, Labels | undefined>;
}

export function planOf(config: Pick<Config, "components" | "warnings" | "cluster">): Plan {
  const byId = new Map(config.components.map((component) => [component.id, component]));
  const written = writtenTargets(config.components);
  const components = config.components.map((component): PlannedComponent => {
    const { id, kind, args, references } = component;
    const forwardTo = references.filter(({ needs }) => needs === "receiver").map((reference) => reference.id);
    const receivers = forwardTo.flatMap((receiver) => byId.get(receiver) ?? []);
    const scrapes = kind.plan?.(id, args, written.get(id)) ?? [];
    return {
      id,
      forwardTo,
      targetsFrom: references.filter(({ needs }) => needs === "targets").map((reference) => reference.id),
      findingSources: findingSources(component, config.components),
      scrapes: scrapes.map((scrape) => ({ ...scrape, sentAs: changedLabels(scrape.labels, receivers) })),
    };
  });
  return {
    cluster: config.cluster,
    components,
    warnings: [...config.warnings, ...components.flatMap(droppedWarnings)],
  };
}

/** Receivers that drop all that is planned. */
function droppedWarnings({ id, forwardTo, scrapes }: PlannedComponent): readonly string[] {
  if (scrapes.length === 0) return [];
  const drops = ({ sentAs }: PlannedRequest, receiver: string): boolean =>
    sentAs.has(receiver) && sentAs.get(receiver) === undefined;
  return forwardTo
    .filter((receiver) => scrapes.every((scrape) => drops(scrape, receiver)))
    .map((receiver) => `${receiver} drops every profile that ${id} is to scrape; look at its rules`);
}

function changedLabels(labels: Labels, receivers: readonly ComponentConfig[]): PlannedRequest["sentAs"] {
  const changed = new Map<string, Labels | undefined>();
  for (const { id, kind, args } of receivers) {
    const outgoing = kind.outgoingLabels ? sentBy(() => kind.outgoingLabels?.(args, labels)) : labels;
    if (!outgoing || labelsKey(outgoing) !== labelsKey(labels)) changed.set(id, outgoing);
  }
  return changed;
}

/** Labels that no server takes drop the profile, too. */
function sentBy(outgoing: () => Labels | undefined): Labels | undefined {
  try {
    return outgoing();
  } catch (thrown) {
    if (thrown instanceof AgentError) return undefined;
    throw thrown;
  }
}

/** The plan for people. */
export function formatPlan({ cluster, components, warnings }: Plan): string {
  const urls = components.reduce((sum, { scrapes }) => sum + scrapes.length, 0);
  const head = `Valid: ${counted(components.length, "component")}, ${counted(urls, "URL")} to scrape\n`;
  const parts = components.map(formatComponent);
  const tail = warnings.map((warning) => `Warning: ${warning}\n`).join("");
  return [head, cluster ? formatCluster(cluster) : "", ...parts, tail].filter((part) => part !== "").join("\n");
}

/** The plan for machines; a scrape looks as in `/api/v0/targets`. */
export function planToJson({ cluster, components, warnings }: Plan): unknown {
  return {
    valid: true,
    cluster: cluster && planCluster(cluster),
    components: components.map(({ id, forwardTo, targetsFrom, scrapes }) => ({
      id,
      forward_to: forwardTo,
      targets_from: targetsFrom,
      scrapes: scrapes.map(scrapeToJson),
    })),
    warnings,
  };
}

function formatComponent({ id, forwardTo, findingSources: sources, scrapes }: PlannedComponent): string {
  const receivers = forwardTo.length > 0 ? ` -> ${forwardTo.join(", ")}` : "";
  const found = sources.map((source) => `  and the targets that ${source} finds: --explain shows them\n`);
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

export function formatSentAs([receiver, labels]: readonly [string, Labels | undefined]): string {
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
