/**
 * pyroscope/write: the component kind `pyroscope.write`.
 *
 * Flow: receiver → labels as sent (`series-labels`) → for every endpoint its own queue (`profile-queue`) → push (`pusher`: one
 * profile a request) → verdict (`classify-reply`, the one place that decides) → sent, back into the queue, or dropped and counted.
 * `endpoint` drives this; `endpoint-health` knows whether the endpoint or a profile is at fault and how long to wait.
 *
 * Constraints: an append never waits for a push, and no endpoint for another; every profile ends as sent or as dropped with a
 * reason; a profile's bytes are held once, however many endpoints it goes to; the end takes at most `writeLimits.drainMs`.
 *
 * It changes nothing of a profile but its time, where this box's clock was wrong (`retimed`, `server-clock`), and keeps nothing over a restart.
 */
export { type WriteArguments, writeArguments } from "./arguments.ts";
export { writeKind } from "./kind.ts";
export type { EndpointArguments } from "./pusher.ts";
export { judgeTestPush, tenantOf, testPush } from "./test-push.ts";
