import type { DropReason, Rejected } from "./push-outcome.ts";
import type { EndpointArguments } from "./pusher.ts";

type Queue = Pick<EndpointArguments["queue"], "max_memory" | "max_disk" | "max_age">;

/** Why profiles were dropped, and what the last attempt to push one of them had come to, if there was one. */
export interface DropCause {
  readonly reason: DropReason;
  readonly push?: Rejected["reason"] | undefined;
}

/** What to do about dropped profiles, a sentence that stands by itself; `undefined` where the server's words say it. */
export function dropAdvice({ reason, push }: DropCause, queue: Queue): string | undefined {
  return advice[reason]?.(queue, push);
}

const advice: Readonly<Partial<Record<DropReason, (queue: Queue, push: Rejected["reason"] | undefined) => string>>> = {
  spool_full: ({ max_disk }) =>
    `the queue on disk was full, and the oldest profiles went: raise queue.max_disk (now ${max_disk}), or find out why the server takes too little`,
  queue_full: ({ max_memory }) =>
    `the queue in memory was full: raise queue.max_memory (now ${max_memory}), or see to it that profiles can wait on disk`,
  larger_than_queue: ({ max_memory }) =>
    `a profile is larger than the whole queue in memory: raise queue.max_memory (now ${max_memory})`,
  too_old: ({ max_age }) =>
    `profiles waited longer than queue.max_age (now ${max_age}): see why the server could not be reached, or takes less than comes in`,
  unknown_age: () =>
    "nobody can tell the age of profiles from before the machine started: give it a clock that is set before the agent starts (NTP, a battery)",
  spool_damaged: () =>
    "what was on disk was damaged or removed: check the disk or SD card; damaged parts are in damaged/ below the component's directory in storage.path, and may be deleted",
  retries_exhausted: (_, push) =>
    push === "rate_limited"
      ? "the limit of the rate turned these profiles away for minutes while others passed: they may be larger than it ever lets through at once; raise it, or scrape less"
      : "the server refused these profiles again and again while it took others: its log says why; the agent's log has its words",
  invalid: () => "the server found these profiles invalid: the agent's log has its words",
  too_large: () => "something on the way limits the size of requests: raise that limit (nginx: client_max_body_size)",
  rate_limited: () =>
    "the server limits the rate, and retry_on_http_429 = false drops what it turns away: raise the tenant's limit, or let profiles wait",
  invalid_labels: () => "the labels of these profiles cannot be sent: correct rules and external_labels",
  endpoint_removed: () => "the endpoint left the configuration and did not come back",
  shutdown: () =>
    'what waited in memory at the end was lost: use queue.durability "outage" or "always", with a disk that works',
};
