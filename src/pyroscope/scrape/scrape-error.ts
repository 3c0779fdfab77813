import { AgentError, limits, preview } from "../../base/index.ts";
import { answererOf, type HttpReason, type HttpResponse, responseHint } from "../../http/index.ts";
import type { PprofReason } from "../../pprof/index.ts";

/** Why a scrape gave no profile; the label `reason` of the failure metrics. */
export type ScrapeReason = HttpReason | PprofReason | "http_4xx" | "http_5xx" | "http_other" | "cpu_busy" | "internal";

/** A scrape that failed. The message says what came instead of a profile and what to try. */
export class ScrapeError extends AgentError<ScrapeReason> {}

const goCpuBusy = "cpu profiling already in use";

const statusHints: Readonly<Record<number, string>> = {
  401: "the target wants credentials: configure authentication",
  403: "the target does not allow it; it may want credentials",
  404: "nothing is served at this path; enable it in the target or switch this profile type off",
  405: "the path is served, but not for GET",
};

const statusHintsWithCredentials: typeof statusHints = {
  401: "the target does not accept these credentials: correct them",
  403: "the target does not allow it with these credentials",
};

/** The error for a response that is not status 200. */
export function statusError(response: HttpResponse, url: string): ScrapeError {
  const text = preview(new TextDecoder().decode(response.body.subarray(0, limits.errorBodyBytes)));
  if (text.includes(goCpuBusy))
    return new ScrapeError(
      "cpu_busy",
      `Cannot profile "${url}": another CPU profile is being taken from this process; is a second scraper active?`,
    );
  const { status, request } = response;
  const ownHint = request?.credentials === "sent" ? statusHintsWithCredentials[status] : undefined;
  const hint = responseHint(response) ?? ownHint ?? statusHints[status];
  return new ScrapeError(
    reasonOfStatus(status),
    `Cannot scrape "${url}": ${answererOf(response, "the target")} answered HTTP status ${status}${text ? ` with "${text}"` : ""}${hint ? `; ${hint}` : ""}`,
  );
}

function reasonOfStatus(status: number): ScrapeReason {
  if (status >= 500) return "http_5xx";
  return status >= 400 ? "http_4xx" : "http_other";
}

/** Whatever was thrown, as a ScrapeError; `seconds` is what the request carried, for the hint on write timeouts. */
export function toScrapeError(thrown: unknown, seconds: number | undefined): ScrapeError {
  if (thrown instanceof ScrapeError) return thrown;
  if (!(thrown instanceof AgentError))
    return new ScrapeError("internal", `Cannot scrape: unexpected error in the agent: ${String(thrown)}`, {
      cause: thrown,
    });
  const cut = seconds !== undefined && (thrown.reason === "reset" || thrown.reason === "truncated");
  const hint = cut ? `; the request asked for ${seconds} s: is the target's write timeout shorter?` : "";
  return new ScrapeError(thrown.reason as ScrapeReason, `${thrown.message}${hint}`, { cause: thrown });
}
