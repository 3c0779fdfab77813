/**
 * cluster: agents that share their targets.
 *
 * Flow: an engine keeps the members (etcd.ts: keys bound to leases; kubernetes.ts: Lease objects), who look who else is one and
 * renew their own membership every third of a ttl (membership.ts). A target belongs to the member with the highest hash of its name and the target's
 * address (owner.ts), so that all agents with the same view come to the same answer without asking each other. What an agent owns when
 * the engine does not answer, or when it did not run itself, follows from a few facts (state.ts).
 *
 * Constraints: after a change every target has one owner within a bounded time: a ttl and a look where an agent was killed, a look where it
 * left or joined. An agent that was away for longer than a ttl owns nothing until it has asked. Agents never talk to each other.
 *
 * What it does not do: decide on labels (only the address counts), keep order among agents, or lock a target: between two looks a target may have
 * two owners or none.
 */
export { clusterArguments, type ClusterSettings } from "./arguments.ts";
export { clusterWarnings } from "./cluster-warnings.ts";
export { type Cluster, type ClusterOptions, createCluster } from "./create-cluster.ts";
