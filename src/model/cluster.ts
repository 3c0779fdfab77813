/** Which targets are this agent's where several share them. */
export interface Ownership {
  /** Whether the target with this `__address__` is scraped here, as far as is known now. */
  owns(address: string): boolean;
  /** Calls `listener` after every change of what `owns` answers, until the returned function is called. */
  subscribe(listener: () => void): () => void;
}

/**
 * What an agent is in its cluster:
 *
 * - `joining`: not a member yet; owns nothing
 * - `member`: owns its share
 * - `kept`: the engine does not answer; owns the share of the last view
 * - `alone`: the engine has not answered since the start; owns everything
 * - `stopped`: the engine does not answer; owns nothing (`on_engine_loss = "stop"`)
 * - `away`: did not run for so long that others have taken over; owns nothing until the engine has answered
 * - `name_taken`: another agent is a member under this name; owns nothing
 * - `left`: owns nothing any more
 */
export type ClusterState = "joining" | "member" | "kept" | "alone" | "stopped" | "away" | "name_taken" | "left";

/** One agent of a cluster, as it told the others. */
export interface ClusterMember {
  readonly name: string;
  /** Random, another at every start. */
  readonly instance: string;
  /** Of its debug page; empty where it is not known. */
  readonly url: string;
  readonly startedMs?: number;
}

/** The cluster as this agent sees it. Times are wall time in milliseconds. */
export interface ClusterStatus {
  readonly nodeName: string;
  /** That of this agent's own record. */
  readonly instance: string;
  readonly state: ClusterState;
  /** The state in words, where there is something to do about it. */
  readonly problem?: string;
  /** Those among whom targets are shared; empty before the engine's first answer. */
  readonly members: readonly ClusterMember[];
  readonly engine: "etcd" | "kubernetes";
  /** Whether the engine's last answer came in time. */
  readonly engineUp: boolean;
  /** When it last said who is a member. */
  readonly lastAnswerMs?: number;
  readonly ttlMs: number;
  readonly onEngineLoss: "keep" | "stop";
  readonly lastRenewalMs?: number;
  readonly lastError?: string;
  readonly lastErrorMs?: number;
}

/** Whether a member is this agent, and not another that has its name. */
export function isSelf({ name, instance }: ClusterMember, cluster: ClusterStatus): boolean {
  return name === cluster.nodeName && instance === cluster.instance;
}

/** How much of what a component knows is this agent's. */
export interface ShareStatus {
  readonly knownTargets: number;
  readonly ownedTargets: number;
}
