import type { ClusterMember, ClusterState } from "../model/index.ts";

/** What an agent's place in the cluster follows from. Times are those of a clock that goes on while the machine sleeps. */
export interface Facts {
  readonly nowMs: number;
  readonly startedMs: number;
  readonly ttlMs: number;
  readonly onEngineLoss: "keep" | "stop";
  /** When the engine was last asked who is a member, and said it; undefined where it never has. */
  readonly answeredMs: number | undefined;
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
  const { nowMs, startedMs, ttlMs, onEngineLoss, answeredMs, renewedMs, failing, backSinceMs, left } = facts;
  const isLostSince = (sinceMs: number): boolean => failing && nowMs - sinceMs >= ttlMs;
  if (left) return "left";
  const waiting = waitingForName(facts, isLostSince);
  if (waiting) return waiting;
  if (backSinceMs !== undefined && !isLostSince(backSinceMs)) return "away";
  if (answeredMs === undefined && !isLostSince(startedMs)) return "joining";
  if (answeredMs === undefined) return onEngineLoss === "keep" ? "alone" : "stopped";
  // Others judge by the renewals, and who the others are is known as of the last look.
  const sinceMs = Math.min(renewedMs ?? Number.NEGATIVE_INFINITY, answeredMs);
  if (nowMs - sinceMs < ttlMs * (failing ? 1 - marginOfTtl : 1)) return "member";
  return onEngineLoss === "keep" ? "kept" : "stopped";
}

/**
 * What an agent is while another has its name; undefined where none has, or nobody can tell any more. Most of the time the other is this agent
 * itself, before it was killed, and goes within a ttl in which the engine answers; so where the engine is lost before, its share is nobody's.
 */
function waitingForName(
  { nowMs, startedMs, ttlMs, answeredMs = startedMs, failing, heldSinceMs }: Facts,
  isLostSince: (sinceMs: number) => boolean,
): "name_taken" | "joining" | undefined {
  if (heldSinceMs === undefined) return undefined;
  if ((failing ? answeredMs : nowMs) - heldSinceMs >= ttlMs) return "name_taken";
  return isLostSince(answeredMs) ? undefined : "joining";
}

/** Whether the agent was kept from running for so long that others may have taken over, by how late it notices. */
export function wasAway(
  lateMs: number,
  { nowMs, renewedMs, ttlMs }: Pick<Facts, "nowMs" | "renewedMs" | "ttlMs">,
): boolean {
  // Renewals come every third of a ttl: only half of one more makes the membership end without a failure.
  return lateMs > ttlMs / 2 && renewedMs !== undefined && nowMs - renewedMs >= ttlMs;
}

export interface ProblemOptions {
  readonly heldBy: ClusterMember | undefined;
  /** What the engine said no to, such as "to say who is a member"; undefined where it was not that. */
  readonly refused?: string | undefined;
}

/** The state in words, where somebody may want to know more. */
export function problemOf(state: ClusterState, { heldBy, refused }: ProblemOptions): string | undefined {
  // It may have answered all the time, with no.
  const [isLost, wasLost] =
    refused === undefined
      ? ["The engine does not answer", "The engine has not answered since the start"]
      : [`The engine refuses ${refused}`, `The engine has refused ${refused} since the start`];
  const holder = heldBy?.url ? ` (${heldBy.url})` : "";
  const problems: Partial<Record<ClusterState, string>> = {
    kept: `${isLost}: this agent goes on with its share of before, and others may scrape the same targets`,
    alone: `${wasLost}: this agent scrapes every target`,
    stopped: `${isLost}: this agent scrapes no target that is shared (on_engine_loss = "stop")`,
    away: "This agent did not run for longer than its ttl: it scrapes no target that is shared until the engine has answered",
    name_taken: `Another agent is a member under this node name${holder}: give each its own node_name; until then this one scrapes no target that is shared`,
  };
  return problems[state];
}
