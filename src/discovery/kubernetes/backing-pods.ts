import type { Target } from "../../model/index.ts";
import { hostPort } from "../host-port.ts";
import { metaPrefix, type Pair, targetFrom } from "./object-labels.ts";
import { countMorePorts, type KeptContainer, type KeptPod, podLabels, portLabels } from "./pod.ts";
import type { Surroundings } from "./role.ts";

/** What an address of endpoints belongs to. */
export interface TargetReference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** The pods behind the addresses of one endpoints object, with the ports of each that have a target. */
export class BackingPods {
  readonly #around: Surroundings;
  readonly #seen = new Map<string, { readonly pod: KeptPod; readonly ports: Set<number> }>();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** The labels of the pod behind an address, and of the container that declares the port; none where there is no pod. */
  labelsBehind(reference: TargetReference, port: number | undefined): readonly Pair[] {
    if (reference.kind !== "Pod") return [];
    const key = `${reference.namespace}/${reference.name}`;
    const pod = this.#seen.get(key)?.pod ?? this.#around.get("pods", key);
    if (!pod) return [];
    if (!this.#seen.has(key)) countMorePorts(pod, this.#around);
    const seen = this.#seen.get(key) ?? { pod, ports: new Set() };
    this.#seen.set(key, seen);
    if (port !== undefined) seen.ports.add(port);
    return [...podLabels(pod), ...containersOf(pod, port)];
  }

  /** Targets for the ports of those pods that no address has: a pprof port is seldom part of the service. */
  otherPorts(shared: readonly Pair[]): readonly Target[] {
    return [...this.#seen.values()].flatMap(({ pod, ports }) =>
      pod.ip === "" ? [] : portsBut(ports, { pod, shared }),
    );
  }
}

function containersOf(pod: KeptPod, number: number | undefined): readonly Pair[] {
  return pod.containers.flatMap((container) => {
    const port = container.ports.find((declared) => declared.number === number);
    return port ? [...containerLabels(container), ...portLabels(port)] : [];
  });
}

interface OtherPorts {
  readonly pod: KeptPod;
  readonly shared: readonly Pair[];
}

function portsBut(covered: ReadonlySet<number>, { pod, shared }: OtherPorts): readonly Target[] {
  return pod.containers.flatMap((container) =>
    container.ports
      .filter(({ number }) => !covered.has(number))
      .map((port) =>
        targetFrom([
          ...shared,
          ...podLabels(pod),
          ...containerLabels(container),
          ...portLabels(port),
          ["__address__", hostPort(pod.ip, port.number)],
        ]),
      ),
  );
}

function containerLabels({ name, image, isInit }: KeptContainer): readonly Pair[] {
  return [
    [`${metaPrefix}pod_container_name`, name],
    [`${metaPrefix}pod_container_image`, image],
    [`${metaPrefix}pod_container_init`, String(isInit)],
  ];
}
