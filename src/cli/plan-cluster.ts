import { withoutUserinfo } from "../base/index.ts";
import type { ClusterSettings } from "../cluster/index.ts";

/** The cluster that the agent would join, for people. */
export function formatCluster(cluster: ClusterSettings): string {
  const { engine, node_name: name, ttl, on_engine_loss: onLoss, ...where } = planCluster(cluster);
  const places = Object.entries(where).map(([key, value]) => `  ${key} = ${JSON.stringify(value)}\n`);
  return `Cluster of ${engine}: this agent is "${name}", ttl ${ttl}, on_engine_loss = "${onLoss}"\n${places.join("")}`;
}

/** The same for machines, as in the configuration; no credential. */
export function planCluster(cluster: ClusterSettings) {
  const { engine, node_name, ttl, on_engine_loss } = cluster;
  const shared = { engine, node_name, ttl: String(ttl), on_engine_loss };
  if (cluster.engine === "etcd")
    return { ...shared, endpoints: cluster.etcd.endpoints.map(withoutUserinfo), prefix: cluster.etcd.prefix };
  const { namespace, group, api_server: server, kubeconfig_file: file } = cluster.kubernetes;
  return {
    ...shared,
    group,
    ...(namespace !== undefined && { namespace }),
    ...(server !== undefined && { api_server: withoutUserinfo(server) }),
    ...(file !== undefined && { kubeconfig_file: file }),
  };
}
