import type { HttpReason } from "../../http/index.ts";

/**
 * Why a push was not successful; doubles as a metric's label. Beside the transport's reasons: `unauthorized` (401, 403, 407),
 * `not_found` (404, 405, 501), `not_pyroscope` (an answer that is not the Push API's), `rate_limited` (429, resource_exhausted),
 * `deadline` (408, 499, 504 by the server), `server_error` (500), `unavailable` (502, 503 and the rest), `too_large` (413),
 * `invalid` (400 and the rest), and `internal`, which is a defect of the agent itself.
 */
export type PushReason =
  | Exclude<HttpReason, "too_large">
  | "unauthorized"
  | "not_found"
  | "not_pyroscope"
  | "rate_limited"
  | "deadline"
  | "server_error"
  | "unavailable"
  | "too_large"
  | "invalid"
  | "internal";

/** Why a profile was given up; doubles as a metric's label. */
export type DropReason =
  | PushReason
  | "invalid_labels"
  | "larger_than_queue"
  | "queue_full"
  | "spool_full"
  | "spool_damaged"
  | "too_old"
  | "unknown_age"
  | "retries_exhausted"
  | "endpoint_removed"
  | "shutdown";

export interface Sent {
  readonly outcome: "sent";
}

/** The same profile may succeed later. */
export interface Retryable {
  readonly outcome: "retryable";
  readonly reason: PushReason;
  readonly message: string;
  /** What to do about it, where that is known; part of `message` too. */
  readonly hint?: string;
  /** `endpoint`: no other profile would have fared better. `unclear`: it may be the endpoint, or this one profile. */
  readonly fault: "endpoint" | "unclear";
  /** How long the server asked to be left alone. */
  readonly retryAfterMs?: number;
}

/** The server will never take this profile; `unknown_age`: because its time is none that anybody can correct. */
export interface Rejected {
  readonly outcome: "rejected";
  readonly reason: PushReason | "unknown_age";
  readonly message: string;
  readonly hint?: string;
}

export type PushOutcome = Sent | Retryable | Rejected;
