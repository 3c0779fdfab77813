import { Duration, formatSize, formatSpan, preview } from "../base/index.ts";
import type { EndpointDocument, StatusDocument, TargetFailure } from "./status-document.ts";
import { droppedReasons, endpointName, notReady, type Problem, targetName } from "./status-judgement.ts";
import { leftBlocks } from "./status-left.ts";
import { clusterLines, discoveryLines, leftOutOf, noTargetLines } from "./status-places.ts";
import { splitHint } from "./test-advice.ts";

/** Lines of each list. */
const shownLines = 20;
const messageLength = 400;
/** Clocks differ by this much before it is worth a word. */
const notableSkewMs = 30_000;

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
    targetLines(status, nowMs),
    bounded(discoveryLines(status, nowMs), "Discovery:"),
    bounded(
      status.discovery_failures.map(({ component, error }) => `  ${component}: ${preview(error, messageLength)}`),
      "Targets that could not be discovered:",
    ),
    clusterLines(status.cluster),
    endpointLines(status, nowMs),
    ...leftBlocks(status, nowMs).map(({ title, lines }) => bounded(lines, title)),
    bounded(
      status.unhealthy.map(
        ({ component, message, running }) =>
          `  ${component}${running ? "" : " (does not run)"}: ${preview(message, messageLength)}`,
      ),
      "Components that are not well:",
    ),
    nextLines(problems),
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
  const failed =
    failure && `The last reload failed ${ago(failure.at, nowMs)}, what ran before goes on: ${failure.message}`;
  return [...(failed ? [failed] : []), ...(waiting.length > 0 ? [`After a restart only: ${waiting.join(", ")}`] : [])];
}

function targetLines(status: StatusDocument, nowMs: number): readonly string[] {
  const { targets } = status;
  if (targets.total === 0) return bounded(noTargetLines(status));
  const components = targets.by_component.map(
    (counted) => `  ${counted.component}: ${[countsOf(counted), leftOutOf(counted)].filter(Boolean).join(", ")}`,
  );
  const isWorthIt = components.length > 1 || targets.by_component.some((counted) => leftOutOf(counted) !== "");
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
  return `  DOWN  ${targetName(failure)}: ${preview(what, messageLength)}; ${last}`;
}

function endpointLines({ endpoints }: StatusDocument, nowMs: number): readonly string[] {
  if (endpoints.length === 0) return [];
  const count = (wanted: EndpointDocument["state"]): number => endpoints.filter(({ state }) => state === wanted).length;
  const untried = count("unknown");
  const urgent = [...endpoints].sort((a, b) => Number(b.state === "down") - Number(a.state === "down"));
  return [
    `Endpoints: ${count("up")} of ${endpoints.length} up${untried > 0 ? `, ${untried} not tried yet` : ""}`,
    ...bounded(urgent.map((endpoint) => endpointBlock(endpoint, nowMs).join("\n"))),
  ];
}

const marks = { up: "up  ", down: "DOWN", unknown: "-   " } as const;

function endpointBlock(endpoint: EndpointDocument, nowMs: number): readonly string[] {
  const { state, spool_problem: spoolProblem, last_error: error, last_error_at: errorAt } = endpoint;
  const troubled = state === "down" || endpoint.paused_since !== undefined;
  const refused = endpoint.last_drop_message;
  const details = [
    waitingLine(endpoint, nowMs),
    deliveryLine(endpoint, nowMs),
    spoolProblem && `not on disk: ${preview(splitHint(spoolProblem).what, messageLength)}`,
    refused && refused !== error && `dropped: ${preview(splitHint(refused).what, messageLength)}`,
    error &&
      (troubled || refused === error) &&
      `${preview(splitHint(error).what, messageLength)} (${ago(errorAt, nowMs)})`,
  ];
  return [
    `  ${marks[state]}  ${endpointName(endpoint)}`,
    ...details.filter(Boolean).map((detail) => `        ${detail}`),
  ];
}

/** What waits, and for what. */
function waitingLine(endpoint: EndpointDocument, nowMs: number): string {
  const { queued_profiles: queued, spooled_profiles: spooled, oldest_queued: oldest, paused_until: paused } = endpoint;
  const parts = [
    queued > 0 && `${queued} in memory (${formatSize(endpoint.queued_bytes)})`,
    spooled > 0 && `${spooled} on disk (${formatSize(endpoint.spooled_bytes)})`,
    oldest && queued + spooled > 0 && `oldest ${span(oldest, nowMs)}`,
    endpoint.in_flight > 0 && `${endpoint.in_flight} in flight`,
    paused && Date.parse(paused) > nowMs && `next attempt in ${formatSpan(Date.parse(paused) - nowMs)}`,
  ].filter(Boolean);
  return queued + spooled === 0 ? ["nothing waits", ...parts].join(", ") : parts.join(", ");
}

/** What was delivered and what was not. */
function deliveryLine(endpoint: EndpointDocument, nowMs: number): string {
  const { sent_profiles: sent, dropped_profiles: dropped, last_success: success, clock_skew: skew = "0" } = endpoint;
  const skewMs = Duration.parse(skew)?.ms ?? 0;
  return [
    `${sent} sent`,
    success === undefined ? "none taken yet" : `last ${ago(success, nowMs)}`,
    dropped > 0 && `${dropped} dropped (${droppedReasons(endpoint)})`,
    Math.abs(skewMs) >= notableSkewMs &&
      `its clock is ${formatSpan(Math.abs(skewMs))} ${skewMs > 0 ? "ahead of" : "behind"} this machine's`,
  ]
    .filter(Boolean)
    .join(", ");
}

function nextLines(problems: readonly Problem[]): readonly string[] {
  const byAdvice = Map.groupBy(problems, ({ next }) => next);
  const lines = [...byAdvice].map(([next, [first, ...others]]) => {
    const more = others.length > 0 ? ` and ${others.length} more` : "";
    return `  ${first?.about}${more}: ${preview(next, messageLength)}`;
  });
  return bounded(lines, "What to do next:");
}

function bounded(lines: readonly string[], title?: string, notListed = 0): readonly string[] {
  if (lines.length === 0) return [];
  const more = Math.max(0, lines.length - shownLines) + notListed;
  const shown = lines.slice(0, shownLines);
  return [...(title === undefined ? [] : [title]), ...shown, ...(more > 0 ? [`  … and ${more} more`] : [])];
}

function ago(time: string | undefined, nowMs: number): string {
  return time === undefined ? "at an unknown time" : `${span(time, nowMs)} ago`;
}

function span(time: string, nowMs: number): string {
  return formatSpan(Math.max(0, nowMs - Date.parse(time)));
}
