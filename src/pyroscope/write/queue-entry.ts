import type { Profile } from "../../model/index.ts";
import { writeLimits } from "./limits.ts";
import type { DropReason, Retryable } from "./push-outcome.ts";

/** A profile that waits for one endpoint, and what the endpoint knows about it. Times are monotonic unless said otherwise. */
export interface QueueEntry {
  /** Absent where it lies on disk and is not being pushed. */
  profile: Profile | undefined;
  /** Its number in the log; absent while it is in memory only. */
  record: number | undefined;
  /** The memory it takes, or would take while it is pushed. */
  readonly bytes: number;
  /** When it came, by the machine's uptime and by its wall clock, where this process saw it come. */
  readonly queued: { readonly uptimeMs: number; readonly wallMs: number } | undefined;
  inFlight: boolean;
  /** Taken from the lane of old records. */
  backlog: boolean;
  attempts: number;
  /** Retries whose failure counts against this profile: others had passed since the failure before. */
  failures: number;
  /** What had passed by its last failure that may have been its own, as `EndpointHealth.passes`; `undefined` where there was none. */
  passesAtFailure: number | undefined;
  /** When that failure was. */
  failureMs: number | undefined;
  /** Attempts whose failure may have been its own, those of outages included: others are better probes. */
  doubts: number;
  /** Not to be tried before. */
  notBeforeMs: number;
  /** On its way to the disk; `unfit` where the disk will never take it, `late` where it was given up because the disk took too long. */
  writing: boolean | "unfit" | "late";
  /** Why the log let its record go while it was in flight. */
  lost: DropReason | undefined;
  /** Told once it is on disk, delivered or dropped; only where somebody waits for that. */
  onSafe: (() => void) | undefined;
}

/** An entry that nothing has happened to yet. */
export function newEntry(given: Pick<QueueEntry, "profile" | "record" | "bytes" | "queued">): QueueEntry {
  return {
    ...given,
    inFlight: false,
    backlog: false,
    attempts: 0,
    failures: 0,
    passesAtFailure: undefined,
    failureMs: undefined,
    doubts: 0,
    notBeforeMs: 0,
    writing: false,
    lost: undefined,
    onSafe: undefined,
  };
}

/** Tells who waits for it, once. */
export function markSafe(entry: QueueEntry): void {
  entry.onSafe?.();
  entry.onSafe = undefined;
}

interface Failure {
  readonly reason: Retryable["reason"];
  /** What the endpoint has taken so far. */
  readonly passes: number;
  /** Monotonic. */
  readonly nowMs: number;
}

/** Counts a failure that may be the profile's own against it where others passed since it failed last. */
export function blame(entry: QueueEntry, { reason, passes, nowMs }: Failure): void {
  entry.doubts += 1;
  // A limit that is reached refuses whoever comes: too large for it is only who is refused for minutes while others pass.
  const sinceMs = nowMs - (entry.failureMs ?? Number.NEGATIVE_INFINITY);
  if (reason === "rate_limited" && sinceMs < writeLimits.limitedBlameMs) return;
  if (entry.passesAtFailure !== undefined && passes > entry.passesAtFailure) entry.failures += 1;
  entry.passesAtFailure = passes;
  entry.failureMs = nowMs;
}
