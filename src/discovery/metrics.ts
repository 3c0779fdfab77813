import type { Metrics } from "../observability/index.ts";

/** What one discovery component counts. */
export interface DiscoveryMetrics {
  refreshed(): void;
  failed(reason: string): void;
  /** Shows how much is known, asked for whenever metrics are; until the returned function is called. */
  show(read: () => { readonly targets: number; readonly lastSuccessMs: number | undefined }): () => void;
}

/** The metrics of the discovery component `id`. */
export function createDiscoveryMetrics(metrics: Metrics, id: string): DiscoveryMetrics {
  const own = { component_id: id };
  const refreshes = metrics.counter("discovery_refreshes_total", "Answers of sources that were taken in.", [
    "component_id",
  ]);
  const failures = metrics.counter(
    "discovery_refresh_failures_total",
    "Looks that failed, by reason; the last good targets stay.",
    ["component_id", "reason"],
  );
  return {
    refreshed: () => refreshes.inc(own),
    failed: (reason) => failures.inc({ ...own, reason }),
    show(read) {
      const targets = metrics.gauge("discovery_targets", "Targets that are exported.", ["component_id"]);
      const lastSuccess = metrics.gauge(
        "discovery_last_success_timestamp_seconds",
        "When a look last succeeded, in seconds since 1970.",
        ["component_id"],
      );
      const unregister = metrics.onCollect(() => {
        const known = read();
        targets.set(own, known.targets);
        if (known.lastSuccessMs !== undefined) lastSuccess.set(own, known.lastSuccessMs / 1000);
      });
      return () => {
        unregister();
        for (const gauge of [targets, lastSuccess]) gauge.remove(own);
      };
    },
  };
}
