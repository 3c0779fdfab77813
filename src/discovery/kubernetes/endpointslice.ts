import { flagAt, hostPort, listAt, mapAt, numberAt, textAt } from "../../base/index.ts";
import type { Target } from "../../model/index.ts";
import { namespaceLabels, nodeLabels } from "./attached-labels.ts";
import { BackingPods, type TargetReference } from "./backing-pods.ts";
import { keepReference } from "./endpoints.ts";
import { keepPorts, type KeptPorts } from "./kept-ports.ts";
import {
  keepMetadata,
  type KeptMetadata,
  labelPart,
  metaPrefix,
  namespaceLabel,
  objectLabels,
  type Pair,
  targetFrom,
} from "./object-labels.ts";
import type { Role, Surroundings } from "./role.ts";
import { serviceLabels } from "./service.ts";

interface KeptSlicePort {
  readonly name: string;
  readonly protocol: string;
  readonly appProtocol: string;
  /** Absent where all ports are meant. */
  readonly number: number | undefined;
}

interface KeptEndpoint {
  readonly addresses: readonly string[];
  readonly hostname: string;
  readonly node: string;
  readonly zone: string;
  readonly conditions: readonly Pair[];
  readonly topology: readonly Pair[];
  readonly reference: TargetReference;
}

export interface KeptSlice extends KeptPorts<KeptSlicePort> {
  readonly metadata: KeptMetadata;
  readonly addressType: string;
  readonly endpoints: readonly KeptEndpoint[];
}

export function keepSlice(slice: unknown): KeptSlice {
  return {
    metadata: keepMetadata(slice),
    addressType: textAt(slice, "addressType"),
    ...keepPorts(listAt(slice, "ports"), (port) => ({
      name: textAt(port, "name"),
      protocol: textAt(port, "protocol"),
      appProtocol: textAt(port, "appProtocol"),
      number: numberAt(port, "port"),
    })),
    endpoints: listAt(slice, "endpoints").map(keepEndpoint),
  };
}

function keepEndpoint(endpoint: unknown): KeptEndpoint {
  const conditions = ["ready", "serving", "terminating"].flatMap((name): Pair[] => {
    const holds = flagAt(endpoint, "conditions", name);
    return holds === undefined ? [] : [[name, String(holds)]];
  });
  return {
    addresses: listAt(endpoint, "addresses").filter((address) => typeof address === "string"),
    hostname: textAt(endpoint, "hostname"),
    node: textAt(endpoint, "nodeName"),
    zone: textAt(endpoint, "zone"),
    conditions,
    topology: mapAt(endpoint, "deprecatedTopology"),
    reference: keepReference(endpoint),
  };
}

/** The label of a slice that names its service. */
const serviceNameLabel = "kubernetes.io/service-name";

/** A target for every address and port, and for the other ports of the pods behind them (reference 6.7). */
export const endpointsliceRole: Role<"endpointslices"> = {
  resource: "endpointslices",
  others: ["services", "pods"],
  *targets(slice, around) {
    const { metadata, addressType, ports, morePorts, endpoints } = slice;
    const { namespace } = metadata;
    const [, serviceName] = metadata.labels.find(([key]) => key === serviceNameLabel) ?? [];
    const service = serviceName === undefined ? undefined : around.get("services", `${namespace}/${serviceName}`);
    const shared: readonly Pair[] = [
      namespaceLabel(namespace),
      [`${metaPrefix}endpointslice_address_type`, addressType],
      ...objectLabels("endpointslice", metadata),
      ...(service ? serviceLabels(service) : []),
      ...namespaceLabels(namespace, around),
    ];
    const pods = new BackingPods(around);
    around.skipped.add("too_many_ports", morePorts);
    for (const endpoint of endpoints)
      for (const port of ports)
        for (const address of endpoint.addresses) yield targetOf(endpoint, { address, port, shared, pods, around });
    yield* pods.otherPorts(shared);
  },
};

interface EndpointOptions {
  readonly address: string;
  readonly port: KeptSlicePort;
  readonly shared: readonly Pair[];
  readonly pods: BackingPods;
  readonly around: Surroundings;
}

function targetOf(endpoint: KeptEndpoint, { address, port, shared, pods, around }: EndpointOptions): Target {
  const { hostname, node, zone, conditions, topology, reference } = endpoint;
  const prefix = `${metaPrefix}endpointslice`;
  return targetFrom([
    ...shared,
    [`${prefix}_port`, port.number === undefined ? "" : String(port.number)],
    [`${prefix}_port_name`, port.name],
    [`${prefix}_port_protocol`, port.protocol],
    [`${prefix}_port_app_protocol`, port.appProtocol],
    [`${prefix}_address_target_kind`, reference.kind],
    [`${prefix}_address_target_name`, reference.name],
    [`${prefix}_endpoint_hostname`, hostname],
    [`${prefix}_endpoint_node_name`, node],
    [`${prefix}_endpoint_zone`, zone],
    ...conditions.map(([name, holds]): Pair => [`${prefix}_endpoint_conditions_${name}`, holds]),
    ...topology.flatMap(([key, value]): Pair[] => [
      [`${prefix}_endpoint_topology_${labelPart(key)}`, value],
      [`${prefix}_endpoint_topology_present_${labelPart(key)}`, "true"],
    ]),
    ...nodeLabels(reference.kind === "Node" ? reference.name : node, around),
    ...pods.labelsBehind(reference, port.number),
    ["__address__", port.number === undefined ? address : hostPort(address, port.number)],
  ]);
}
