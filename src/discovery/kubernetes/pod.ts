import { flagAt, hostPort, listAt, numberAt, textAt } from "../../base/index.ts";
import type { Target } from "../../model/index.ts";
import { namespaceLabels, nodeLabels } from "./attached-labels.ts";
import { keepPorts, type KeptPort, type KeptPorts } from "./kept-ports.ts";
import {
  keepMetadata,
  type KeptMetadata,
  metaPrefix,
  namespaceLabel,
  objectLabels,
  type Pair,
  targetFrom,
} from "./object-labels.ts";
import type { Role, Surroundings } from "./role.ts";

export interface KeptContainer extends KeptPorts<KeptPort> {
  readonly name: string;
  readonly image: string;
  readonly id: string;
  readonly isInit: boolean;
}

export interface KeptPod {
  readonly metadata: KeptMetadata;
  readonly uid: string;
  readonly controller: { readonly kind: string; readonly name: string };
  readonly node: string;
  readonly ip: string;
  readonly hostIp: string;
  readonly phase: string;
  /** `true`, `false` or `unknown`. */
  readonly ready: string;
  /** Those of the pod's life, then those of its start. */
  readonly containers: readonly KeptContainer[];
}

export function keepPod(pod: unknown): KeptPod {
  const owner = listAt(pod, "metadata", "ownerReferences").find((reference) => flagAt(reference, "controller"));
  const ready = listAt(pod, "status", "conditions").find((condition) => textAt(condition, "type") === "Ready");
  return {
    metadata: keepMetadata(pod),
    uid: textAt(pod, "metadata", "uid"),
    controller: { kind: textAt(owner, "kind"), name: textAt(owner, "name") },
    node: textAt(pod, "spec", "nodeName"),
    ip: textAt(pod, "status", "podIP"),
    hostIp: textAt(pod, "status", "hostIP"),
    phase: textAt(pod, "status", "phase"),
    ready: textAt(ready, "status").toLowerCase() || "unknown",
    containers: [
      ...keepContainers(pod, { list: "containers", statuses: "containerStatuses", isInit: false }),
      ...keepContainers(pod, { list: "initContainers", statuses: "initContainerStatuses", isInit: true }),
    ],
  };
}

interface ContainerList {
  readonly list: string;
  readonly statuses: string;
  readonly isInit: boolean;
}

function keepContainers(pod: unknown, { list, statuses, isInit }: ContainerList): readonly KeptContainer[] {
  const states = listAt(pod, "status", statuses);
  return listAt(pod, "spec", list).map((container) => {
    const name = textAt(container, "name");
    const state = states.find((candidate) => textAt(candidate, "name") === name);
    const image = textAt(container, "image");
    const ports = keepPorts(listAt(container, "ports"), (port) => ({
      name: textAt(port, "name"),
      number: numberAt(port, "containerPort") ?? 0,
      protocol: textAt(port, "protocol"),
    }));
    return { name, image, id: textAt(state, "containerID"), isInit, ...ports };
  });
}

/** A target for every port of every container, or one for a container that declares none (reference 6.7). */
export const podRole: Role<"pods"> = {
  resource: "pods",
  others: [],
  *targets(pod, around) {
    // With a selector of nodes, those of other nodes are not meant.
    if (around.reads("nodes") && !around.get("nodes", pod.node)) return;
    // It is starting, or was evicted.
    if (pod.ip === "") {
      around.skipped.add("no_address");
      return;
    }
    countMorePorts(pod, around);
    const { namespace } = pod.metadata;
    const shared = [
      ...podLabels(pod),
      namespaceLabel(namespace),
      ...nodeLabels(pod.node, around),
      ...namespaceLabels(namespace, around),
    ];
    for (const container of pod.containers) yield* containerTargets(container, { pod, shared });
  },
};

/**
 * Tells of the ports above the limit. Behind endpoints they count once for each of the objects that name the pod, as each of them would have
 * made targets of them.
 */
export function countMorePorts({ containers }: KeptPod, { skipped }: Pick<Surroundings, "skipped">): void {
  for (const { morePorts } of containers) skipped.add("too_many_ports", morePorts);
}

interface ContainerOptions {
  readonly pod: KeptPod;
  readonly shared: readonly Pair[];
}

function* containerTargets(container: KeptContainer, { pod, shared }: ContainerOptions): Iterable<Target> {
  const own: readonly Pair[] = [
    ...shared,
    [`${metaPrefix}pod_container_name`, container.name],
    [`${metaPrefix}pod_container_id`, container.id],
    [`${metaPrefix}pod_container_image`, container.image],
    [`${metaPrefix}pod_container_init`, String(container.isInit)],
  ];
  if (container.ports.length === 0) yield targetFrom([...own, ["__address__", pod.ip]]);
  for (const port of container.ports)
    yield targetFrom([...own, ...portLabels(port), ["__address__", hostPort(pod.ip, port.number)]]);
}

export function portLabels({ name, number, protocol }: KeptPort): readonly Pair[] {
  return [
    [`${metaPrefix}pod_container_port_name`, name],
    [`${metaPrefix}pod_container_port_number`, String(number)],
    [`${metaPrefix}pod_container_port_protocol`, protocol],
  ];
}

/** What holds for the pod as a whole. */
export function podLabels(pod: KeptPod): readonly Pair[] {
  return [
    ...objectLabels("pod", pod.metadata),
    [`${metaPrefix}pod_ip`, pod.ip],
    [`${metaPrefix}pod_ready`, pod.ready],
    [`${metaPrefix}pod_phase`, pod.phase],
    [`${metaPrefix}pod_node_name`, pod.node],
    [`${metaPrefix}pod_host_ip`, pod.hostIp],
    [`${metaPrefix}pod_uid`, pod.uid],
    [`${metaPrefix}pod_controller_kind`, pod.controller.kind],
    [`${metaPrefix}pod_controller_name`, pod.controller.name],
  ];
}
