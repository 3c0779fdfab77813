import { Duration, formatSize, formatSpan, limits, oneLine, splitHint } from "../base/index.ts";
import type { EndpointDocument, StatusDocument } from "./status-document.ts";
import { droppedReasons, endpointName } from "./status-judgement.ts";
import { ago, since } from "./status-times.ts";

const messageLength = 400;
/** Who waits for so long may want to know how to shorten it. */
const longWaitMs = 60_000;

/** What an endpoint is to who reads: it may answer and take nothing, or have been asked without an answer so far. */
type Standing = "up" | "DOWN" | "REFUSES" | "-";

function standingOf({ state, refuses }: EndpointDocument): Standing {
  if (state === "unknown") return "-";
  if (state === "down") return "DOWN";
  return refuses ? "REFUSES" : "up";
}

/** How many endpoints are well, and what the others are. */
export function endpointsTitle({ endpoints }: StatusDocument): string {
  const count = (wanted: Standing): number => endpoints.filter((one) => standingOf(one) === wanted).length;
  const refusing = count("REFUSES");
  const asked = endpoints.filter((one) => standingOf(one) === "-" && one.in_flight > 0).length;
  const untried = count("-") - asked;
  return [
    `Endpoints: ${count("up")} of ${endpoints.length} up`,
    refusing > 0 && `${refusing} ${refusing === 1 ? "refuses" : "refuse"} every profile`,
    asked > 0 && `${asked} without an answer yet`,
    untried > 0 && `${untried} not tried yet`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** Each endpoint with its queue and its last error, those in trouble first. */
export function endpointBlocks({ endpoints, time }: StatusDocument): readonly string[] {
  const nowMs = Date.parse(time);
  const urgency: Readonly<Record<Standing, number>> = { DOWN: 0, REFUSES: 1, "-": 2, up: 2 };
  return endpoints
    .toSorted((a, b) => urgency[standingOf(a)] - urgency[standingOf(b)])
    .map((endpoint) => endpointBlock(endpoint, nowMs).join("\n"));
}

function endpointBlock(endpoint: EndpointDocument, nowMs: number): readonly string[] {
  const { state, spool_problem: spoolProblem, last_error: error, last_error_at: errorAt } = endpoint;
  const troubled = state === "down" || endpoint.paused_since !== undefined;
  const refused = endpoint.last_drop_message;
  const details = [
    waitingLine(endpoint, nowMs),
    deliveryLine(endpoint, nowMs),
    spoolProblem && `disk: ${oneLine(splitHint(spoolProblem).what, messageLength)}`,
    refused && refused !== error && `dropped: ${oneLine(splitHint(refused).what, messageLength)}`,
    error &&
      (troubled || refused === error) &&
      `${oneLine(splitHint(error).what, messageLength)} (${ago(errorAt, nowMs)})`,
  ];
  return [
    `  ${standingOf(endpoint).padEnd(4)}  ${endpointName(endpoint)}`,
    ...details.filter(Boolean).map((detail) => `        ${detail}`),
  ];
}

/** What waits, and for what. */
function waitingLine(endpoint: EndpointDocument, nowMs: number): string {
  const { queued_profiles: queued, spooled_profiles: spooled, oldest_queued: oldest, in_flight: inFlight } = endpoint;
  const pausedMs = Date.parse(endpoint.paused_until ?? "") - nowMs;
  const parts = [
    queued > 0 && `${queued} in memory (${formatSize(endpoint.queued_bytes)})`,
    spooled > 0 && `${spooled} on disk (${formatSize(endpoint.spooled_bytes)})`,
    oldest && queued + spooled > 0 && `oldest ${since(oldest, nowMs)}`,
    inFlight > 0 && `${inFlight} in flight`,
    pausedMs > 0 &&
      `next attempt in ${formatSpan(pausedMs)}${pausedMs >= longWaitMs ? ", or at once when it is told to reload" : ""}`,
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
    Math.abs(skewMs) >= limits.notableSkewMs &&
      `its clock is ${formatSpan(Math.abs(skewMs))} ${skewMs > 0 ? "ahead of" : "behind"} this machine's`,
  ]
    .filter(Boolean)
    .join(", ");
}
