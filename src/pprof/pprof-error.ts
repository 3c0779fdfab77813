import { AgentError } from "../base/index.ts";

/**
 * Why bytes are not a profile that a server would take: nothing came (`empty`), something else came or the profile
 * contradicts itself (`not_pprof`), it was cut (`truncated`), it is above a limit (`too_large`).
 */
export type PprofReason = "empty" | "not_pprof" | "truncated" | "too_large";

/** The only error this room throws; `incompatible` is for profiles that cannot be merged with each other. */
export class PprofError extends AgentError<PprofReason | "incompatible"> {}
