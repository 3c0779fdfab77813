import { hostPort, listAt, numberAt, textAt } from "../../base/index.ts";
import {
  keepMetadata,
  type KeptMetadata,
  labelPart,
  metaPrefix,
  objectLabels,
  type Pair,
  targetFrom,
} from "./object-labels.ts";
import type { Role } from "./role.ts";

/** Without addresses where only the metadata was asked for. */
export interface KeptNode {
  readonly metadata: KeptMetadata;
  readonly providerId: string;
  readonly conditions: readonly Pair[];
  readonly addresses: readonly Pair[];
  readonly kubeletPort: number;
}

export function keepNode(node: unknown): KeptNode {
  const typed = (list: string, value: string): readonly Pair[] =>
    listAt(node, "status", list).map((entry) => [textAt(entry, "type"), textAt(entry, value)]);
  return {
    metadata: keepMetadata(node),
    providerId: textAt(node, "spec", "providerID"),
    conditions: typed("conditions", "status"),
    addresses: typed("addresses", "address"),
    kubeletPort: numberAt(node, "status", "daemonEndpoints", "kubeletEndpoint", "Port") ?? 0,
  };
}

/** Of a node's addresses the first of these is scraped. */
const addressTypes = ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"];

/** A target for the kubelet of every node (reference 6.7). */
export const nodeRole: Role<"nodes"> = {
  resource: "nodes",
  others: [],
  *targets({ metadata, providerId, conditions, addresses, kubeletPort }, around) {
    // The first of each type counts, and of equal names the last wins.
    const byType = new Map(addresses.toReversed());
    const address = addressTypes.map((type) => byType.get(type)).find((found) => found !== undefined);
    if (address === undefined) {
      around.skipped.add("no_address");
      return;
    }
    yield targetFrom([
      ...objectLabels("node", metadata),
      [`${metaPrefix}node_provider_id`, providerId],
      ...conditions.map(
        ([type, status]): Pair => [
          `${metaPrefix}node_condition_${labelPart(type.toLowerCase())}`,
          status.toLowerCase(),
        ],
      ),
      ...[...byType].map(([type, value]): Pair => [`${metaPrefix}node_address_${labelPart(type)}`, value]),
      ["__address__", hostPort(address, kubeletPort)],
      ["instance", metadata.name],
    ]);
  },
};
