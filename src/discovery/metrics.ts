import type { Metrics } from "../observability/index.ts";
import type { SkippedCounts } from "./skipped-objects.ts";

/** What one discovery component counts. */
export interface DiscoveryMetrics {
  refreshed(): void;
  failed(reason: string): void;
  /** Shows how much is known, asked for whenever metrics are; until the returned function is called. */
  show(read: () => KnownTargets): () => void;
}

export interface KnownTargets {
  readonly targets: number;
  readonly lastSuccessMs: number | undefined;
  readonly skipped: SkippedCounts;
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
      const skipped = metrics.gauge(
        "discovery_skipped_objects",
        "What the last look found that became no target, by reason.",
        ["component_id", "reason"],
      );
      let shown: SkippedCounts = new Map();
      const showSkipped = (counts: SkippedCounts): void => {
        for (const reason of shown.keys()) if (!counts.has(reason)) skipped.remove({ ...own, reason });
        for (const [reason, count] of counts) skipped.set({ ...own, reason }, count);
        shown = counts;
      };
      const unregister = metrics.onCollect(() => {
        const known = read();
        showSkipped(known.skipped);
        targets.set(own, known.targets);
        if (known.lastSuccessMs !== undefined) lastSuccess.set(own, known.lastSuccessMs / 1000);
      });
      return () => {
        unregister();
        showSkipped(new Map());
        for (const gauge of [targets, lastSuccess]) gauge.remove(own);
      };
    },
  };
}
