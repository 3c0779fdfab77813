import { formatSpan, oneLine, splitHint } from "../base/index.ts";
import type { StatusDocument, TargetFailure } from "./status-document.ts";
import { endpointBlocks, endpointsTitle } from "./status-endpoints.ts";
import { notReady, type Problem, targetName } from "./status-judgement.ts";
import { leftBlocks } from "./status-left.ts";
import { nextLines } from "./status-next.ts";
import { clusterLines, discoveryLines, leftOutOf, noTargetLines, whyNone } from "./status-places.ts";
import { ago } from "./status-times.ts";

/** Lines of each list. */
const shownLines = 20;
const messageLength = 400;

export interface Report {
  readonly url: string;
  readonly status: StatusDocument;
  readonly problems: readonly Problem[];
}

/** The state of an agent for people: a line for the whole, what is down, each endpoint with its queue, and what to do next. */
export function formatStatus({ url, status, problems }: Report): string {
  const nowMs = Date.parse(status.time);
  const blocks = [
    [summary(status, { url, nowMs }), ...configLines(status, nowMs)],
    storageLines(status),
    targetLines(status, nowMs),
    bounded(discoveryLines(status, nowMs), "Discovery:"),
    bounded(
      status.discovery_failures.map(({ component, error }) => `  ${component}: ${oneLine(error, messageLength)}`),
      "Targets that could not be discovered:",
    ),
    clusterLines(status, nowMs),
    endpointLines(status),
    ...leftBlocks(status, nowMs).map(({ title, lines }) => bounded(lines, title)),
    bounded(
      status.unhealthy.map(
        ({ component, message, running }) =>
          `  ${component}${running ? "" : " (does not run)"}: ${oneLine(message, messageLength)}`,
      ),
      "Components that are not well:",
    ),
    bounded(nextLines(problems), "What to do next:"),
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function summary(
  { version, runtime, ready, stopping, started, config }: StatusDocument,
  at: { url: string; nowMs: number },
): string {
  const reloaded =
    config && config.generation > 1
      ? `, configuration ${config.generation}, reloaded ${ago(config.loaded, at.nowMs)}`
      : "";
  const state = ready ? `up for ${formatSpan(at.nowMs - Date.parse(started))}` : notReady(stopping);
  return `pprof-agent ${version} (${runtime}) at ${at.url}: ${state}${reloaded}`;
}

/** What is not as the file says. */
function configLines({ config }: StatusDocument, nowMs: number): readonly string[] {
  const { last_failure: failure, needs_restart: waiting = [] } = config ?? {};
  const failed = failure
    ? bounded(
        failure.message.split("\n").map((line) => `  ${line}`),
        `The last reload failed ${ago(failure.at, nowMs)}, what ran before goes on:`,
      )
    : [];
  const changed = `Changed, but in force only after a restart: ${waiting.join(", ")}`;
  return [...failed, ...(waiting.length > 0 ? [changed] : [])];
}

function storageLines({ storage }: StatusDocument): readonly string[] {
  return storage?.problem === undefined ? [] : [`Disk: ${oneLine(splitHint(storage.problem).what, messageLength)}`];
}

function targetLines(status: StatusDocument, nowMs: number): readonly string[] {
  const { targets } = status;
  if (targets.total === 0) return bounded(noTargetLines(status));
  const components = targets.by_component.map(
    (counted) =>
      `  ${counted.component}: ${counted.total === 0 ? whyNone(counted, status) : [countsOf(counted), ...leftOutOf(counted, status)].join(", ")}`,
  );
  const isWorthIt = components.length > 1 || targets.by_component.some((one) => leftOutOf(one, status).length > 0);
  return [
    `Targets: ${countsOf(targets)}`,
    ...(isWorthIt ? bounded(components) : []),
    ...bounded(
      targets.failures.map((failure) => failureLine(failure, nowMs)),
      undefined,
      targets.failures_not_listed,
    ),
  ];
}

function countsOf({ total, up, down, waiting }: Readonly<Record<"total" | "up" | "down" | "waiting", number>>): string {
  const others = [down > 0 && `${down} down`, waiting > 0 && `${waiting} not scraped yet`].filter(Boolean);
  return [`${up} of ${total} up`, ...others].join(", ");
}

function failureLine(failure: TargetFailure, nowMs: number): string {
  const { what } = splitHint(failure.error);
  const success = failure.last_success;
  const last = success === undefined ? "never succeeded" : `last success ${ago(success, nowMs)}`;
  return `  DOWN  ${targetName(failure)}: ${oneLine(what, messageLength)}; ${last}`;
}

function endpointLines(status: StatusDocument): readonly string[] {
  return bounded(endpointBlocks(status), endpointsTitle(status));
}

function bounded(lines: readonly string[], title?: string, notListed = 0): readonly string[] {
  if (lines.length === 0) return [];
  const more = Math.max(0, lines.length - shownLines) + notListed;
  const shown = lines.slice(0, shownLines);
  return [...(title === undefined ? [] : [title]), ...shown, ...(more > 0 ? [`  … and ${more} more`] : [])];
}
