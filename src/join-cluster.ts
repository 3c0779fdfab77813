import { hostname } from "node:os";
import { type ClusterSettings, type Cluster, createCluster } from "./cluster/index.ts";
import { type Clock, hostPort } from "./base/index.ts";
import type { Logger, Metrics } from "./observability/index.ts";
import type { Listener } from "./runtime/index.ts";
import { namesLoopback } from "./server/index.ts";
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
 * Joins until `signal` aborts. The components are to run until `components` aborts, which is when the engine knows that the agent has left:
 * etcd's watch tells others at once, so that most have its targets before it lets go of them; of Kubernetes they learn at their next look.
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

/** Where the debug page is, for somebody on another machine; empty where it is for this one alone. */
export function urlFromElsewhere({ hostname: host, port }: Pick<Listener, "hostname" | "port">): string {
  const name = host === "0.0.0.0" || host === "::" ? hostname() : host;
  const authority = hostPort(name, port);
  return namesLoopback(authority) ? "" : `http://${authority}/`;
}
