import { hostPort, listAt, numberAt, textAt } from "../../base/index.ts";
import { namespaceLabels } from "./attached-labels.ts";
import {
  keepMetadata,
  type KeptMetadata,
  metaPrefix,
  namespaceLabel,
  objectLabels,
  type Pair,
  targetFrom,
} from "./object-labels.ts";
import type { KeptPort } from "./kept-ports.ts";
import type { Role } from "./role.ts";

/** Without ports where only the metadata was asked for. */
export interface KeptService {
  readonly metadata: KeptMetadata;
  readonly type: string;
  readonly clusterIp: string;
  readonly externalName: string;
  readonly loadBalancerIp: string;
  readonly ports: readonly KeptPort[];
}

export function keepService(service: unknown): KeptService {
  return {
    metadata: keepMetadata(service),
    type: textAt(service, "spec", "type"),
    clusterIp: textAt(service, "spec", "clusterIP"),
    externalName: textAt(service, "spec", "externalName"),
    loadBalancerIp: textAt(service, "spec", "loadBalancerIP"),
    ports: listAt(service, "spec", "ports").map((port) => ({
      name: textAt(port, "name"),
      number: numberAt(port, "port") ?? 0,
      protocol: textAt(port, "protocol"),
    })),
  };
}

/** A target for every port, under the service's name in the cluster (reference 6.7). */
export const serviceRole: Role<"services"> = {
  resource: "services",
  others: [],
  *targets(service, around) {
    const { name, namespace } = service.metadata;
    const shared = [...serviceLabels(service), ...kindLabels(service), ...namespaceLabels(namespace, around)];
    for (const port of service.ports)
      yield targetFrom([
        ...shared,
        [`${metaPrefix}service_port_name`, port.name],
        [`${metaPrefix}service_port_number`, String(port.number)],
        [`${metaPrefix}service_port_protocol`, port.protocol],
        ["__address__", hostPort(`${name}.${namespace}.svc`, port.number)],
      ]);
  },
};

function kindLabels({ type, clusterIp, externalName, loadBalancerIp }: KeptService): readonly Pair[] {
  return [
    [`${metaPrefix}service_type`, type],
    type === "ExternalName"
      ? [`${metaPrefix}service_external_name`, externalName]
      : [`${metaPrefix}service_cluster_ip`, clusterIp],
    [`${metaPrefix}service_loadbalancer_ip`, type === "LoadBalancer" ? loadBalancerIp : ""],
  ];
}

/** What the targets of a service's endpoints have of it. */
export function serviceLabels({ metadata }: KeptService): readonly Pair[] {
  return [namespaceLabel(metadata.namespace), ...objectLabels("service", metadata)];
}
