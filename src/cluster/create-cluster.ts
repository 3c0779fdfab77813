import type { Clock } from "../base/index.ts";
import type { ClusterMember, ClusterStatus, Ownership } from "../model/index.ts";
import type { Logger, Metrics } from "../observability/index.ts";
import type { ClusterSettings, EtcdSettings, KubernetesSettings } from "./arguments.ts";
import type { Engine } from "./engine.ts";
import { EtcdEngine } from "./etcd.ts";
import { createEtcdClient } from "./etcd-client.ts";
import { KubernetesEngine } from "./kubernetes.ts";
import { openApiServer } from "./api-server.ts";
import { Membership } from "./membership.ts";

export interface ClusterOptions {
  readonly settings: ClusterSettings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly userAgent: string;
}

/** This agent's place in its cluster. Owns nothing before `run`. */
export interface Cluster extends Ownership {
  /** Is a member until `signal` aborts; resolves when it has left, within `limits.clusterLeaveMs`. Never rejects. */
  run(signal: AbortSignal, self: { readonly url: string }): Promise<void>;
  snapshot(): ClusterStatus;
}

export function createCluster(options: ClusterOptions): Cluster {
  const { settings, clock, log, metrics } = options;
  const ttlMs = settings.ttl.ms;
  return new Membership({
    nodeName: settings.node_name,
    ttlMs,
    onEngineLoss: settings.on_engine_loss,
    engineName: settings.engine,
    openEngine: (self) =>
      settings.engine === "etcd"
        ? Promise.resolve(openEtcd(self, settings.etcd, options))
        : openKubernetes(self, settings.kubernetes, options),
    clock,
    log,
    metrics,
  });
}

/** Of one exchange with the engine. */
function exchangeTimeoutMs({ settings }: ClusterOptions): number {
  return settings.ttl.ms / 3;
}

function openEtcd(self: ClusterMember, args: EtcdSettings, options: ClusterOptions): Engine {
  const { settings, clock, log, userAgent } = options;
  const client = createEtcdClient({ args, timeoutMs: exchangeTimeoutMs(options), clock, log, userAgent });
  return new EtcdEngine({ client, self, ttlMs: settings.ttl.ms, prefix: args.prefix });
}

async function openKubernetes(self: ClusterMember, args: KubernetesSettings, options: ClusterOptions): Promise<Engine> {
  const { settings, clock, log, userAgent } = options;
  const server = await openApiServer({
    settings: args,
    clientOptions: { clock, log },
    timeoutMs: exchangeTimeoutMs(options),
    userAgent,
  });
  return new KubernetesEngine({ server, group: args.group, self, ttlMs: settings.ttl.ms, clock, log });
}
