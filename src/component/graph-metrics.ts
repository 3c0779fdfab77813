import type { Clock } from "../base/index.ts";
import type { Metrics } from "../observability/index.ts";
import type { Health } from "./kind.ts";

/** What the graph tells about loads and about the health of its components; names as in Alloy, prefix `agent_`. */
export interface GraphMetrics {
  loadSucceeded(): void;
  loadFailed(): void;
}

export interface GraphMetricsOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** The health of every component, now. */
  readonly health: () => Iterable<Health>;
}

export function createGraphMetrics({ metrics, clock, health }: GraphMetricsOptions): GraphMetrics {
  const running = metrics.gauge(
    "agent_component_controller_running_components",
    "Components in the graph, by health.",
    ["health_type"],
  );
  const successful = metrics.gauge(
    "agent_config_last_load_successful",
    "1 if the last attempt to load the configuration took effect.",
  );
  const successSeconds = metrics.gauge(
    "agent_config_last_load_success_timestamp_seconds",
    "When the configuration in force was loaded, in seconds since 1970.",
  );
  metrics.onCollect(() => {
    const states = [...health()].map(({ state }) => state);
    for (const state of ["healthy", "unhealthy"] as const)
      running.set({ health_type: state }, states.filter((other) => other === state).length);
  });
  return {
    loadSucceeded() {
      successful.set(1);
      successSeconds.set(clock.now() / 1000);
    },
    loadFailed: () => successful.set(0),
  };
}
