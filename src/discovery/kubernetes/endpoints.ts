import { hostPort, listAt, numberAt, textAt } from "../../base/index.ts";
import type { Target } from "../../model/index.ts";
import { namespaceLabels, nodeLabels } from "./attached-labels.ts";
import { BackingPods, type TargetReference } from "./backing-pods.ts";
import {
  keepMetadata,
  type KeptMetadata,
  metaPrefix,
  namespaceLabel,
  objectLabels,
  type Pair,
  targetFrom,
} from "./object-labels.ts";
import { keepPorts, type KeptPort, type KeptPorts } from "./kept-ports.ts";
import type { Role, Surroundings } from "./role.ts";
import { serviceLabels } from "./service.ts";

export interface KeptAddress {
  readonly ip: string;
  readonly hostname: string;
  readonly node: string;
  readonly isReady: boolean;
  readonly reference: TargetReference;
}

export interface KeptEndpoints {
  readonly metadata: KeptMetadata;
  readonly subsets: readonly KeptSubset[];
}

interface KeptSubset extends KeptPorts<KeptPort> {
  readonly addresses: readonly KeptAddress[];
}

export function keepEndpoints(endpoints: unknown): KeptEndpoints {
  return {
    metadata: keepMetadata(endpoints),
    subsets: listAt(endpoints, "subsets").map((subset) => ({
      ...keepPorts(listAt(subset, "ports"), (port) => ({
        name: textAt(port, "name"),
        number: numberAt(port, "port") ?? 0,
        protocol: textAt(port, "protocol"),
      })),
      addresses: [
        ...listAt(subset, "addresses").map((address) => keepAddress(address, true)),
        ...listAt(subset, "notReadyAddresses").map((address) => keepAddress(address, false)),
      ],
    })),
  };
}

function keepAddress(address: unknown, isReady: boolean): KeptAddress {
  return {
    ip: textAt(address, "ip"),
    hostname: textAt(address, "hostname"),
    node: textAt(address, "nodeName"),
    isReady,
    reference: keepReference(address),
  };
}

export function keepReference(at: unknown): TargetReference {
  return {
    kind: textAt(at, "targetRef", "kind"),
    namespace: textAt(at, "targetRef", "namespace"),
    name: textAt(at, "targetRef", "name"),
  };
}

/** A target for every address and port, and for the other ports of the pods behind them (reference 6.7). */
export const endpointsRole: Role<"endpoints"> = {
  resource: "endpoints",
  others: ["services", "pods"],
  *targets({ metadata, subsets }, around) {
    const { name, namespace } = metadata;
    const service = around.get("services", `${namespace}/${name}`);
    const shared = [
      namespaceLabel(namespace),
      ...(service ? serviceLabels(service) : []),
      ...objectLabels("endpoints", metadata),
      ...namespaceLabels(namespace, around),
    ];
    const pods = new BackingPods(around);
    for (const { ports, morePorts, addresses } of subsets) {
      around.skipped.add("too_many_ports", morePorts);
      for (const port of ports)
        for (const address of addresses) yield targetOf(address, { port, shared, pods, around });
    }
    yield* pods.otherPorts(shared);
  },
};

interface AddressOptions {
  readonly port: KeptPort;
  readonly shared: readonly Pair[];
  readonly pods: BackingPods;
  readonly around: Surroundings;
}

function targetOf(address: KeptAddress, { port, shared, pods, around }: AddressOptions): Target {
  const { ip, hostname, node, isReady, reference } = address;
  const nodeName = node || (reference.kind === "Node" ? reference.name : "");
  return targetFrom([
    ...shared,
    [`${metaPrefix}endpoint_port_name`, port.name],
    [`${metaPrefix}endpoint_port_protocol`, port.protocol],
    [`${metaPrefix}endpoint_ready`, String(isReady)],
    [`${metaPrefix}endpoint_address_target_kind`, reference.kind],
    [`${metaPrefix}endpoint_address_target_name`, reference.name],
    [`${metaPrefix}endpoint_node_name`, node],
    [`${metaPrefix}endpoint_hostname`, hostname],
    ...nodeLabels(nodeName, around),
    ...pods.labelsBehind(reference, port.number),
    ["__address__", hostPort(ip, port.number)],
  ]);
}
