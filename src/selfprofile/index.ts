/**
 * selfprofile: the agent's own CPU and memory profile in pprof, so that the agent can scrape itself.
 *
 * Constraints: only what the runtime really measures. A JavaScript runtime has no block, mutex or goroutine profile and does
 * not count allocations since the start, so none of that is made up. What a profile costs is bounded: one CPU profile at a
 * time, of at most `selfProfileLimits.cpuSeconds`; a measurement of the heap at most every `selfProfileLimits.heapAgeMs`.
 *
 * Flow: node:inspector or the runtime's heap hook → stacks of frames → pprof bytes, gzipped. All of it is loaded at the first
 * request, because an agent that nobody profiles should not pay for it.
 *
 * It does not serve HTTP; the server room does.
 */
export { SelfProfileError, type SelfProfileReason } from "./error.ts";
export { selfProfileLimits } from "./limits.ts";
export {
  type CpuProfileOptions,
  createSelfProfile,
  type SelfProfile,
  type SelfProfileOptions,
} from "./self-profile.ts";
