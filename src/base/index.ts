/**
 * base: what every room needs and no room owns. Time (a clock that tests can turn), back-off, watched directories, durations, sizes,
 * secrets, parsed JSON, limits and the error class.
 *
 * Constraints: imports nothing of ours; holds no state of the agent.
 */
export { aborted } from "./aborted.ts";
export { type BackoffOptions, backoffDelayMs } from "./backoff.ts";
export { type BootClock, systemBootClock } from "./boot-clock.ts";
export { Bell, type QuietOptions } from "./bell.ts";
export { type Clock, clockIsSetFromMs, sleep, systemClock, type Timer } from "./clock.ts";
export { Duration, formatDuration, formatSpan, roundedMs } from "./duration.ts";
export { AgentError, errorMessage } from "./error.ts";
export { flagAt, listAt, mapAt, numberAt, textAt, valueAt } from "./json.ts";
export { hostPort } from "./host-port.ts";
export { limits } from "./limits.ts";
export { nearest, nearestFirst } from "./nearest.ts";
export { maskedSecret, Secret, userinfoPattern, withoutCredentials, withoutUserinfo } from "./secret.ts";
export { formatSize, Size } from "./size.ts";
export { compareText, escaped, oneLine, preview, quoted, splitHint } from "./text.ts";
export { isThisMachine } from "./this-machine.ts";
export { timeByRightClock } from "./time-by-right-clock.ts";
export { WatchedDirectories, type WatchedDirectoriesOptions } from "./watched-directories.ts";
