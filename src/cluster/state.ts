import type { ClusterMember, ClusterState } from "../model/index.ts";

/** What an agent's place in the cluster follows from. Times are those of a clock that goes on while the machine sleeps. */
export interface Facts {
  readonly nowMs: number;
  readonly startedMs: number;
  readonly ttlMs: number;
  readonly onEngineLoss: "keep" | "stop";
  /** Whether the engine has ever said who is a member. */
  readonly hasView: boolean;
  /** When the membership was last renewed: others count on this agent for a ttl from then on. */
  readonly renewedMs: number | undefined;
  /** Whether the engine's last answer did not come. */
  readonly failing: boolean;
  /** Since when it has been back from not running, with the engine not asked since. */
  readonly backSinceMs: number | undefined;
  /** Since when another agent has this one's name. */
  readonly heldSinceMs: number | undefined;
  readonly left: boolean;
}

/** A share that ends with the ttl ends a little before the others take over. */
const marginOfTtl = 0.1;

/** See ClusterState. An engine counts as lost when it has not answered for one ttl, and not at the first failure. */
export function stateOf(facts: Facts): ClusterState {
  const { nowMs, startedMs, ttlMs, onEngineLoss, hasView, renewedMs, failing, backSinceMs, heldSinceMs, left } = facts;
  const isLostSince = (sinceMs: number): boolean => failing && nowMs - sinceMs >= ttlMs;
  if (left) return "left";
  // Most of the time it is this agent itself, before it was killed, and goes within that time.
  if (heldSinceMs !== undefined) return nowMs - heldSinceMs >= ttlMs ? "name_taken" : "joining";
  if (backSinceMs !== undefined && !isLostSince(backSinceMs)) return "away";
  if (!hasView && !isLostSince(startedMs)) return "joining";
  if (!hasView) return onEngineLoss === "keep" ? "alone" : "stopped";
  const renewedAgoMs = renewedMs === undefined ? Number.POSITIVE_INFINITY : nowMs - renewedMs;
  if (!failing || renewedAgoMs < ttlMs * (1 - marginOfTtl)) return "member";
  return onEngineLoss === "keep" ? "kept" : "stopped";
}

/** Whether the agent was kept from running for so long that others may have taken over, by how late it notices. */
export function wasAway(
  lateMs: number,
  { nowMs, renewedMs, ttlMs }: Pick<Facts, "nowMs" | "renewedMs" | "ttlMs">,
): boolean {
  // Renewals come every third of a ttl: only half of one more makes the membership end without a failure.
  return lateMs > ttlMs / 2 && renewedMs !== undefined && nowMs - renewedMs >= ttlMs;
}

/** The state in words, where somebody may want to know more. */
export function problemOf(
  state: ClusterState,
  { heldBy }: { readonly heldBy: ClusterMember | undefined },
): string | undefined {
  const holder = heldBy?.url ? ` (${heldBy.url})` : "";
  const problems: Partial<Record<ClusterState, string>> = {
    kept: "The engine does not answer: this agent goes on with its share of before, and others may scrape the same targets",
    alone: "The engine has not answered since the start: this agent scrapes every target",
    stopped: 'The engine does not answer: this agent scrapes no target that is shared (on_engine_loss = "stop")',
    away: "This agent did not run for longer than its ttl: it scrapes no target that is shared until the engine has answered",
    name_taken: `Another agent is a member under this node name${holder}: give each its own node_name; until then this one scrapes no target that is shared`,
  };
  return problems[state];
}
