import type { Metrics } from "../../observability/index.ts";
import type { Eviction } from "./profile-shelf.ts";

/** What one store counts. */
export interface StoreMetrics {
  evicted(reason: Eviction): void;
  refused(reason: "larger_than_store"): void;
  /** Shows what is kept, asked for whenever metrics are; until the returned function is called. */
  showUsage(read: () => { readonly profiles: number; readonly bytes: number }): () => void;
}

/** The metrics of the store component `id`. */
export function createStoreMetrics(metrics: Metrics, id: string): StoreMetrics {
  const own = { component_id: id };
  const byReason = ["component_id", "reason"];
  const evicted = metrics.counter("pyroscope_store_evicted_total", "Profiles no longer kept, by reason.", byReason);
  const refused = metrics.counter(
    "pyroscope_store_refused_total",
    "Profiles that were never kept, by reason.",
    byReason,
  );
  return {
    evicted: (reason) => evicted.inc({ ...own, reason }),
    refused: (reason) => refused.inc({ ...own, reason }),
    showUsage(read) {
      const profiles = metrics.gauge("pyroscope_store_profiles", "Profiles kept.", ["component_id"]);
      const bytes = metrics.gauge("pyroscope_store_bytes", "Memory that they occupy.", ["component_id"]);
      const unregister = metrics.onCollect(() => {
        const usage = read();
        profiles.set(own, usage.profiles);
        bytes.set(own, usage.bytes);
      });
      return () => {
        unregister();
        for (const gauge of [profiles, bytes]) gauge.remove(own);
      };
    },
  };
}
