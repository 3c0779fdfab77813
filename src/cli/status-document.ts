import * as v from "valibot";
import { oneLine } from "../base/index.ts";

/** What answers may be anything: nothing of it reaches a terminal that the terminal would obey. */
const text = v.pipe(
  v.string(),
  v.transform((written) => oneLine(written, 1000)),
);

/** The same of several lines. */
const lines = v.pipe(
  v.string(),
  v.transform((written) =>
    written
      .split("\n")
      .map((line) => oneLine(line, 1000))
      .join("\n"),
  ),
);

const timestamp = v.pipe(v.string(), v.isoTimestamp());
const time = v.optional(timestamp);
const counts = { total: v.number(), up: v.number(), down: v.number(), waiting: v.number() };

const number = v.optional(v.number());

const counted = v.object({
  component: text,
  ...counts,
  dropped: number,
  skipped: number,
  skipped_because: v.optional(text),
  skipped_reason: v.optional(text),
  of_other_agents: number,
  held_back: number,
  discovered_by: v.optional(v.array(text), []),
});

const discovery = v.object({
  component: text,
  targets: v.number(),
  from_disk: number,
  dropped: number,
  skipped: number,
  skipped_objects: v.optional(v.record(text, v.number())),
  last_success: time,
});

const cluster = v.object({
  node_name: text,
  state: text,
  problem: v.optional(text),
  engine: v.object({
    name: text,
    up: v.boolean(),
    last_answer: time,
    last_error: v.optional(text),
    last_error_at: time,
  }),
  members: v.array(v.object({ name: text, self: v.boolean() })),
  shares: v.array(v.object({ component: text, owned_targets: v.number(), known_targets: v.number() })),
});

const failure = v.object({
  component: text,
  address: text,
  service_name: text,
  types: v.array(text),
  all_types: v.boolean(),
  url: text,
  error: text,
  last_success: time,
});

const endpoint = v.object({
  component: text,
  name: text,
  url: text,
  state: v.picklist(["unknown", "up", "down"]),
  refuses: v.optional(v.boolean(), false),
  queued_profiles: v.number(),
  queued_bytes: v.number(),
  spooled_profiles: v.number(),
  spooled_bytes: v.number(),
  spool_problem: v.optional(text),
  oldest_queued: time,
  in_flight: v.number(),
  paused_since: time,
  paused_until: time,
  clock_skew: v.optional(text),
  sent_profiles: v.number(),
  dropped_profiles: v.number(),
  dropped_by_reason: v.optional(v.record(text, v.number())),
  last_dropped: time,
  last_drop_message: v.optional(text),
  drop_advice: v.optional(text),
  last_success: time,
  last_error: v.optional(text),
  last_error_at: time,
  advice: v.optional(text),
});

const leftComponent = v.object({
  component: text,
  profiles: v.number(),
  bytes: v.number(),
  oldest: time,
  kept_until: time,
  newer_bytes: number,
});

const status = v.object({
  version: text,
  runtime: text,
  ready: v.boolean(),
  stopping: v.optional(v.boolean()),
  time: timestamp,
  started: timestamp,
  config: v.optional(
    v.object({
      generation: v.number(),
      loaded: time,
      needs_restart: v.array(text),
      last_failure: v.optional(v.object({ at: time, message: lines })),
    }),
  ),
  storage: v.optional(v.object({ path: text, problem: v.optional(text), problem_reason: v.optional(text) })),
  targets: v.object({
    ...counts,
    by_component: v.array(counted),
    failures: v.array(failure),
    failures_not_listed: v.number(),
  }),
  endpoints: v.array(endpoint),
  left_on_disk: v.optional(
    v.array(
      v.object({
        component: text,
        endpoint: text,
        profiles: v.number(),
        bytes: v.number(),
        oldest: time,
        kept_until: time,
      }),
    ),
  ),
  left_components: v.optional(v.array(leftComponent), []),
  newer_on_disk: v.optional(v.array(v.object({ component: text, bytes: v.number() })), []),
  damaged_on_disk: v.optional(v.array(v.object({ component: text, profiles: v.number(), last: timestamp })), []),
  discovery: v.optional(v.array(discovery), []),
  cluster: v.optional(cluster),
  discovery_failures: v.array(v.object({ component: text, error: text, at: time })),
  unhealthy: v.array(v.object({ component: text, message: text, since: time, running: v.boolean() })),
});

/** What `/api/v0/status` answers, as far as `agent status` looks at it. */
export type StatusDocument = v.InferOutput<typeof status>;
export type CountedComponent = v.InferOutput<typeof counted>;
export type DiscoveryDocument = v.InferOutput<typeof discovery>;
export type ClusterDocument = v.InferOutput<typeof cluster>;
export type TargetFailure = v.InferOutput<typeof failure>;
export type LeftComponentDocument = v.InferOutput<typeof leftComponent>;
export type EndpointDocument = v.InferOutput<typeof endpoint>;

/** Reads an answer; `undefined` where it is none of an agent of this version, whatever else listens at that address. */
export function readStatus(json: unknown): StatusDocument | undefined {
  const { success, output } = v.safeParse(status, json);
  return success ? output : undefined;
}
