import type { Metrics } from "./observability/index.ts";
import type { ConfigStatus, ReloadRefusal } from "./server/index.ts";

const refusals: readonly ReloadRefusal[] = [
  "unreadable",
  "syntax",
  "invalid",
  "rejected",
  "internal",
  "no_file",
  "stopping",
];

/** What is told of the configuration in force; whether and when the last load succeeded, the graph tells. */
export interface ReloadMetrics {
  inForce(config: Pick<ConfigStatus, "hash" | "generation">): void;
  attempted(result: "applied" | ReloadRefusal): void;
}

export function createReloadMetrics(metrics: Metrics): ReloadMetrics {
  const hashes = metrics.gauge("agent_config_hash", "Always 1; labelled with the hash of the configuration in force.", [
    "sha256",
  ]);
  const generations = metrics.gauge(
    "agent_config_generation",
    "The configuration in force: 1 at the start, one more with every reload that took effect.",
  );
  const reloads = metrics.counter("agent_config_reloads_total", "Attempts to load the configuration anew, by result.", [
    "result",
  ]);
  for (const result of ["applied", ...refusals]) reloads.inc({ result }, 0);
  return {
    inForce({ hash, generation }) {
      hashes.reset();
      hashes.set({ sha256: hash }, 1);
      generations.set(generation);
    },
    attempted: (result) => reloads.inc({ result }),
  };
}
