import { AgentError } from "../base/index.ts";

/** Why the agent could not profile itself: a CPU profile is already running, or the runtime would not do it. */
export type SelfProfileReason = "cpu_busy" | "unavailable";

export class SelfProfileError extends AgentError<SelfProfileReason> {}
