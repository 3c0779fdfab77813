/**
 * base: what every room needs and no room owns. Time (a clock that tests can turn), back-off, durations, sizes, secrets,
 * limits and the error class.
 *
 * Constraints: imports nothing of ours; holds no state.
 */
export { aborted } from "./aborted.ts";
export { type BackoffOptions, backoffDelayMs } from "./backoff.ts";
export { type Clock, sleep, systemClock, type Timer } from "./clock.ts";
export { Duration, formatDuration } from "./duration.ts";
export { AgentError, errorMessage } from "./error.ts";
export { limits } from "./limits.ts";
export { nearest } from "./nearest.ts";
export { maskedSecret, Secret, withoutUserinfo } from "./secret.ts";
export { formatSize, Size } from "./size.ts";
export { compareText, preview } from "./text.ts";
