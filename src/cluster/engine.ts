import { AgentError } from "../base/index.ts";
import type { ClusterMember } from "../model/index.ts";

/**
 * What keeps the members of a cluster: an existing service that all agents can reach and that agrees with itself. Each call is a
 * few exchanges, of which each ends by itself in a third of the ttl; all of them end with `signal`, which aborts after half of it. It rejects
 * with ClusterError or HttpError where it does not succeed.
 */
export interface Engine {
  readonly name: "etcd" | "kubernetes";
  /** How often it may be asked who is a member: as often as it can take it. */
  readonly lookEveryMs: number;
  /** Makes this agent a member, or renews its membership for another ttl. */
  renew(signal: AbortSignal): Promise<Standing>;
  /** Who is a member now. */
  members(signal: AbortSignal): Promise<readonly ClusterMember[]>;
  /**
   * Calls `changed` whenever somebody may have come or gone, until it ends by itself, resolving or not. Only a hint: members are looked
   * at in any case. Absent where the engine would tell of every renewal.
   */
  watch?(changed: () => void, signal: AbortSignal): Promise<void>;
  /** Ends the membership at once. */
  leave(signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Whether this agent is a member; if not, who has its name. */
export type Standing = "member" | { readonly heldBy: ClusterMember };

/** What every engine is made with. */
export interface EngineOptions {
  /** This agent. */
  readonly self: ClusterMember;
  readonly ttlMs: number;
}

export type ClusterReason = "status" | "bad_answer" | "late";

/** The engine answered otherwise than it should, or not in time. */
export class ClusterError extends AgentError<ClusterReason> {}
