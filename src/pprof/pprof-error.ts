import { AgentError, formatSize } from "../base/index.ts";

/**
 * Why bytes are not a profile that a server would take: nothing came (`empty`), something else came or the profile
 * contradicts itself (`not_pprof`), it was cut (`truncated`), it is above a limit (`too_large`).
 */
export type PprofReason = "empty" | "not_pprof" | "truncated" | "too_large";

/** The only error this room throws; `incompatible` is for profiles that cannot be merged with each other. */
export class PprofError extends AgentError<PprofReason | "incompatible"> {}

/** The error for what unpacks to more than `maxBytes`. */
export function tooLarge(maxBytes: number, cause?: unknown): PprofError {
  const message = `Cannot read the profile: it is larger than ${formatSize(maxBytes)}; raise body_size_limit or profile less`;
  return new PprofError("too_large", message, { cause });
}
