import { hostname } from "node:os";
import { type ClusterSettings, type Cluster, createCluster } from "./cluster/index.ts";
import type { Clock } from "./base/index.ts";
import type { Logger, Metrics } from "./observability/index.ts";
import type { Listener } from "./runtime/index.ts";
import { userAgent } from "./version.ts";

export interface ClusterContext {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** This agent's place in the cluster of `[cluster]`, which it has not taken yet; undefined where there is no such table. */
export function clusterOf(settings: ClusterSettings | undefined, context: ClusterContext): Cluster | undefined {
  if (!settings) return undefined;
  const log = context.log.with({ node: settings.node_name });
  return createCluster({ ...context, log, settings, userAgent });
}

/**
 * Joins until `signal` aborts. The components are to run until `components` aborts, which is when the agent has left: so others have its
 * targets before it lets go of them.
 */
export function joinCluster(
  cluster: Cluster | undefined,
  { signal, listener }: { readonly signal: AbortSignal; readonly listener: Listener },
): { readonly components: AbortSignal; readonly left: Promise<void> } {
  if (!cluster) return { components: signal, left: Promise.resolve() };
  const stop = new AbortController();
  const left = cluster.run(signal, { url: urlFromElsewhere(listener) }).finally(() => stop.abort());
  return { components: stop.signal, left };
}

/** Where the debug page is, for somebody on another machine. */
function urlFromElsewhere({ hostname: host, port }: Listener): string {
  const name = host === "0.0.0.0" || host === "::" ? hostname() : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}/`;
}
