import type { Labels } from "./labels.ts";

/** One URL that a scrape component requests, before anything was requested: a line of the plan that `agent check` prints. */
export interface PlannedScrape {
  readonly job: string;
  /** The configured profile type: `process_cpu`, `godeltaprof_memory`, a custom type's label. */
  readonly type: string;
  readonly url: string;
  readonly intervalMs: number;
  /** The effective deadline of one request. */
  readonly timeoutMs: number;
  /** The `seconds` the request carries, from whatever source; absent where it carries none. */
  readonly seconds?: number;
  /** The series that is handed on. */
  readonly labels: Labels;
  /** Who computes the delta of cumulative values: the agent, the target, or nobody because there are none. */
  readonly delta: "agent" | "target" | "none";
}

/** State of one (target, type): debug information of a scrape component. Times are wall time in milliseconds. */
export interface TargetStatus extends PlannedScrape {
  readonly health: "unknown" | "up" | "down";
  /** The reason (closed set) and message of the last failed scrape; both absent once a scrape succeeds. */
  readonly lastErrorReason?: string;
  readonly lastError?: string;
  /** Why delta columns are not sent now, in words; absent while they are. */
  readonly deltaWithheld?: string;
  readonly lastScrapeMs?: number;
  readonly lastSuccessMs?: number;
  readonly lastScrapeDurationMs?: number;
  readonly nextScrapeMs: number;
}

/** State of one endpoint of a write component. */
export interface EndpointStatus {
  readonly name: string;
  /** Without userinfo. */
  readonly url: string;
  /** `down` while pushes fail for a reason that is the endpoint's. */
  readonly state: "unknown" | "up" | "down";
  readonly queuedProfiles: number;
  readonly queuedBytes: number;
  readonly oldestQueuedMs?: number;
  readonly inFlight: number;
  readonly sentProfiles: number;
  readonly droppedProfiles: number;
  readonly lastSuccessMs?: number;
  readonly lastError?: string;
  readonly lastErrorMs?: number;
}
