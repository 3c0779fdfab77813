import { hostname } from "node:os";
import * as v from "valibot";
import type { Duration } from "../base/index.ts";
import { type HttpArguments, httpArguments, httpChecks } from "../http/index.ts";
import { accessArguments, checkAccess, type KubernetesAccess } from "../kubernetes/index.ts";
import { choice, crossCheck, duration, found, oneOrMany, optional, serverUrl, table, text } from "../schema/index.ts";

const engines = ["etcd", "kubernetes"] as const;
const shortestTtlMs = 2000;

/** It is part of keys and of names of objects. */
const nodeName = v.pipe(
  text(),
  v.check(isNodeName, ({ input }) => `expected letters, digits, ".", "_" and "-", at most 200, found ${found(input)}`),
);

function isNodeName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,200}$/.test(name);
}

const label = v.pipe(
  text(),
  v.check(
    (value) => /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(value),
    ({ input }) => `expected the value of a Kubernetes label, found ${found(input)}`,
  ),
);

const ttl = v.pipe(
  duration({ positive: true }),
  v.check(
    ({ ms }) => ms >= shortestTtlMs && ms % 1000 === 0,
    () => 'expected whole seconds, at least "2s"',
  ),
);

const etcd = () =>
  v.pipe(
    table({
      endpoints: optional(v.pipe(oneOrMany(serverUrl()), v.nonEmpty("must name an endpoint")), {
        default: ["http://127.0.0.1:2379"],
        description: "Client URLs of etcd, 3.4 or later; where one does not answer, the next is asked",
        example: ["http://etcd-0:2379", "http://etcd-1:2379"],
      }),
      prefix: optional(
        v.pipe(
          text(),
          v.check(
            (value) => /[^/]/.test(value),
            ({ input }) => `expected a name such as "/pprof-agent/default", found ${found(input)}`,
          ),
        ),
        {
          default: "/pprof-agent/default",
          description: "What all keys begin with; agents with the same prefix are a cluster",
          example: "/pprof-agent/plant-7",
        },
      ),
      ...httpArguments(),
    }),
    httpChecks(),
  );

const kubernetes = () =>
  v.pipe(
    table({
      namespace: optional(label, {
        description: "Where the Lease objects are",
        defaultText: "that of the agent's pod",
        example: "monitoring",
      }),
      group: optional(label, {
        default: "pprof-agent",
        description:
          "Value of the label `pprof-agent/group`; agents with the same one, in one namespace, are a cluster",
        example: "shop",
      }),
      ...accessArguments(),
      ...httpArguments(),
    }),
    httpChecks(),
    crossCheck([], (args, report) => checkAccess(args, report)),
  );

/** The table `[cluster]` (DESIGN, "Queue, spool and cluster"). */
export const clusterArguments = v.pipe(
  table({
    engine: optional(choice(engines), {
      description: "What keeps the members",
      defaultText: "the one whose table stands below; else `etcd`",
      example: "etcd",
    }),
    node_name: optional(nodeName, {
      description: "This agent's name in the cluster, which no other may have",
      defaultText: "the host's name",
      example: "edge-7",
    }),
    ttl: optional(ttl, {
      default: "10s",
      description: "How long an agent that is gone still counts as a member; whole seconds, at least 2",
      example: "30s",
    }),
    on_engine_loss: optional(choice(["keep", "stop"]), {
      default: "keep",
      description:
        "While the engine does not answer: `keep` the last share (a target may be scraped twice), or `stop` (it may not be scraped)",
      example: "stop",
    }),
    etcd: optional(etcd(), { description: "Members are keys of etcd, each bound to a lease" }),
    kubernetes: optional(kubernetes(), { description: "Members are Lease objects of Kubernetes" }),
  }),
  crossCheck(["engine"], ({ engine, etcd: ofEtcd, kubernetes: ofKubernetes }, report) => {
    if (engine === undefined && ofEtcd && ofKubernetes)
      report([], 'needs engine = "etcd" or engine = "kubernetes", because both have a table');
    if (engine === "etcd" && ofKubernetes && !ofEtcd)
      report(["engine"], 'is "etcd", but the table is [cluster.kubernetes]; which of the two is meant?');
    if (engine === "kubernetes" && ofEtcd && !ofKubernetes)
      report(["engine"], 'is "kubernetes", but the table is [cluster.etcd]; which of the two is meant?');
  }),
  v.transform(({ engine, node_name, ttl: written, on_engine_loss, ...tables }): ClusterSettings => {
    const chosen = engine ?? (tables.kubernetes && !tables.etcd ? "kubernetes" : "etcd");
    const shared = { node_name: node_name ?? nameOfHost(), ttl: written, on_engine_loss };
    return chosen === "etcd"
      ? { ...shared, engine: chosen, etcd: tables.etcd ?? v.parse(etcd(), {}) }
      : { ...shared, engine: chosen, kubernetes: tables.kubernetes ?? v.parse(kubernetes(), {}) };
  }),
);

function nameOfHost(): string {
  return (
    hostname()
      .replace(/[^A-Za-z0-9._-]/g, "-")
      .slice(0, 200) || "agent"
  );
}

export interface EtcdSettings extends HttpArguments {
  readonly endpoints: readonly string[];
  readonly prefix: string;
}

export interface KubernetesSettings extends KubernetesAccess {
  readonly namespace?: string | undefined;
  readonly group: string;
}

/** `[cluster]` as it takes effect. */
export type ClusterSettings = {
  readonly node_name: string;
  readonly ttl: Duration;
  readonly on_engine_loss: "keep" | "stop";
} & (
  | { readonly engine: "etcd"; readonly etcd: EtcdSettings }
  | { readonly engine: "kubernetes"; readonly kubernetes: KubernetesSettings }
);
