import { AgentError } from "../base/index.ts";

/**
 * Why bytes are not a profile that a server would take: nothing came (`empty`), something else came or the profile
 * contradicts itself (`not_pprof`), it was cut (`truncated`), it is above a limit (`too_large`). Or why profiles cannot be
 * merged: their sample types differ (`incompatible`).
 */
export type PprofReason = "empty" | "not_pprof" | "truncated" | "too_large" | "incompatible";

/** The only error this room throws. */
export class PprofError extends AgentError<PprofReason> {}
