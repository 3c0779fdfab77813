import type { ClusterState, ClusterStatus } from "../model/index.ts";
import type { Metrics } from "../observability/index.ts";

export interface ClusterMetrics {
  ownershipChanged(): void;
  engineFailed(reason: string): void;
  /** Shows the status, asked for whenever metrics are; until the returned function is called. */
  show(read: () => ClusterStatus): () => void;
}

const states: readonly ClusterState[] = ["joining", "member", "kept", "alone", "stopped", "away", "name_taken", "left"];

export function createClusterMetrics(metrics: Metrics): ClusterMetrics {
  const changes = metrics.counter("cluster_ownership_changes_total", "Changes of who shares the targets.");
  const failures = metrics.counter(
    "cluster_engine_failures_total",
    "Times that the engine was not reached or refused, by reason.",
    ["reason"],
  );
  const members = metrics.gauge("cluster_members", "Agents among whom targets are shared.");
  const engineUp = metrics.gauge("cluster_engine_up", "1 where the engine answered last time, 0 where it did not.");
  const state = metrics.gauge("cluster_node_state", "1 for the state of this agent in its cluster, 0 for the others.", [
    "state",
  ]);
  const renewal = metrics.gauge(
    "cluster_last_renewal_timestamp_seconds",
    "When the membership was last renewed, in seconds since 1970.",
  );
  return {
    ownershipChanged: () => changes.inc(),
    engineFailed: (reason) => failures.inc({ reason }),
    show: (read) =>
      metrics.onCollect(() => {
        const status = read();
        members.set(status.members.length);
        engineUp.set(status.engineUp ? 1 : 0);
        for (const each of states) state.set({ state: each }, each === status.state ? 1 : 0);
        if (status.lastRenewalMs !== undefined) renewal.set(status.lastRenewalMs / 1000);
      }),
  };
}
