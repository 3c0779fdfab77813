import { hostPort } from "../../base/index.ts";
import type { Target } from "../../model/index.ts";
import { metaPrefix, type Pair, targetFrom } from "./object-labels.ts";
import { countMorePorts, type KeptContainer, type KeptPod, podLabels, portLabels } from "./pod.ts";
import type { Surroundings } from "./role.ts";

/** What an address of endpoints belongs to. */
export interface TargetReference {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** What thousands of addresses may ask of one pod. */
interface SeenPod {
  readonly pod: KeptPod;
  readonly labels: readonly Pair[];
  /** By the number of a declared port: its labels, and those of its container. */
  readonly byPort: ReadonlyMap<number, readonly Pair[]>;
  /** Numbers that an address has. */
  readonly covered: Set<number>;
}

/** The pods behind the addresses of one endpoints object, with the ports of each that have a target. */
export class BackingPods {
  readonly #around: Surroundings;
  readonly #seen = new Map<string, SeenPod>();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** The labels of the pod behind an address, and of the container that declares the port; none where there is no pod. */
  labelsBehind(reference: TargetReference, port: number | undefined): readonly Pair[] {
    const seen = reference.kind === "Pod" ? this.#see(`${reference.namespace}/${reference.name}`) : undefined;
    if (!seen || port === undefined) return seen?.labels ?? [];
    seen.covered.add(port);
    return [...seen.labels, ...(seen.byPort.get(port) ?? [])];
  }

  /** Targets for the ports of those pods that no address has: a pprof port is seldom part of the service. */
  *otherPorts(shared: readonly Pair[]): Iterable<Target> {
    for (const { pod, labels, covered } of this.#seen.values()) {
      if (pod.ip === "") continue;
      for (const container of pod.containers)
        for (const port of container.ports)
          if (!covered.has(port.number))
            yield targetFrom([
              ...shared,
              ...labels,
              ...containerLabels(container),
              ...portLabels(port),
              ["__address__", hostPort(pod.ip, port.number)],
            ]);
    }
  }

  #see(key: string): SeenPod | undefined {
    const known = this.#seen.get(key);
    if (known) return known;
    const pod = this.#around.get("pods", key);
    if (!pod) return undefined;
    countMorePorts(pod, this.#around);
    const seen = { pod, labels: podLabels(pod), byPort: labelsByPort(pod), covered: new Set<number>() };
    this.#seen.set(key, seen);
    return seen;
  }
}

/** Of a port that several containers declare, those of the last one. */
function labelsByPort({ containers }: KeptPod): ReadonlyMap<number, readonly Pair[]> {
  const byPort = new Map<number, readonly Pair[]>();
  for (const container of containers) {
    const own = containerLabels(container);
    // Of equal ports of one container the first counts, such as that of TCP before that of UDP.
    for (const port of container.ports.toReversed()) byPort.set(port.number, [...own, ...portLabels(port)]);
  }
  return byPort;
}

function containerLabels({ name, image, isInit }: KeptContainer): readonly Pair[] {
  return [
    [`${metaPrefix}pod_container_name`, name],
    [`${metaPrefix}pod_container_image`, image],
    [`${metaPrefix}pod_container_init`, String(isInit)],
  ];
}
