/**
 * pyroscope/write: the component kind `pyroscope.write`.
 *
 * Flow: receiver → labels as sent (`series-labels`) → for every endpoint its own queue (`profile-queue`: `memory-queue` and
 * `record-queue`) → push (`pusher`: one profile a request) → verdict (`classify-reply`, the one place that decides) → sent, back into
 * the queue, or dropped and counted. `endpoint` drives this; `endpoint-health` knows whether the endpoint or a profile is at fault
 * and how long to wait. Beside it: `spill` decides what goes to disk and when, `spooler` writes and reads it, for all endpoints of
 * the component; `left-endpoints` looks after records of endpoints that are gone, `left-components` after logs of components that are.
 *
 * Constraints: an append never waits for a push, and no endpoint for another; every profile ends as sent, as dropped with a reason,
 * or on disk for the next process; a profile's bytes are held once, however many endpoints it goes to; what is in memory is bounded
 * whatever server and disk do; the end takes at most `writeLimits.drainMs`.
 *
 * It changes nothing of a profile but its time, where this box's clock was wrong (`retimed`, `server-clock`).
 */
export { type WriteArguments, writeArguments } from "./arguments.ts";
export { writeKind } from "./kind.ts";
export { LeftComponents, type LeftComponentsOptions } from "./left-components.ts";
export type { EndpointArguments } from "./pusher.ts";
export { judgeTestPush, tenantOf, testPush } from "./test-push.ts";
