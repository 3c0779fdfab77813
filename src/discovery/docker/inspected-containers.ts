import * as v from "valibot";
import { DiscoveryError } from "../discovery-error.ts";
import { mapLimited } from "../map-limited.ts";
import type { Container } from "./containers.ts";
import type { DockerLook } from "./docker-finder.ts";
import { record, text } from "./reply-schemas.ts";

const inspectReply = v.object({
  HostConfig: v.nullish(v.object({ NetworkMode: text() })),
  Config: v.nullish(v.object({ ExposedPorts: record(v.unknown()) })),
});

/** What the list leaves out; it never changes while the container lives. */
interface Inspected {
  readonly networkMode: string;
  /** TCP only. */
  readonly exposedPorts: readonly number[];
}

const inspectionsAtOnce = 8;

/**
 * Podman's list has published ports only, and older ones do not tell there who is in the network of the host. The containers themselves tell, each of
 * which is asked once; one that is not told of is counted.
 */
export class InspectedContainers {
  #known = new Map<string, Inspected>();

  async complete(containers: readonly Container[], look: DockerLook): Promise<readonly Container[]> {
    const known = new Map<string, Inspected>();
    const completed = await mapLimited(containers, inspectionsAtOnce, async (container) => {
      if (container.HostConfig && !look.api.isPodman) return container;
      const inspected = this.#known.get(container.Id) ?? (await inspect(container.Id, look));
      if (inspected) known.set(container.Id, inspected);
      else look.skipped.add("not_inspected");
      return completedBy(container, inspected);
    });
    this.#known = known;
    return completed;
  }
}

function completedBy(container: Container, inspected: Inspected | undefined): Container {
  const { HostConfig, Ports } = container;
  const { networkMode: NetworkMode = "", exposedPorts = [] } = inspected ?? {};
  const listed = new Set(Ports.flatMap(({ Type, PrivatePort }) => (Type === "tcp" ? [PrivatePort] : [])));
  const unpublished = exposedPorts.filter((port) => !listed.has(port));
  return {
    ...container,
    HostConfig: HostConfig ?? { NetworkMode },
    Ports: [...Ports, ...unpublished.map((PrivatePort) => ({ Type: "tcp", PrivatePort, PublicPort: 0, IP: "" }))],
  };
}

/** `undefined` where the container is gone by now, or the daemon does not say. */
async function inspect(id: string, { api, signal }: DockerLook): Promise<Inspected | undefined> {
  const path = `/containers/${encodeURIComponent(id)}/json`;
  try {
    const reply = await api.get({ path, what: "one of the containers", schema: inspectReply, signal });
    return {
      networkMode: reply.HostConfig?.NetworkMode ?? "",
      exposedPorts: Object.keys(reply.Config?.ExposedPorts ?? {}).flatMap(tcpPort),
    };
  } catch (thrown) {
    if (thrown instanceof DiscoveryError && thrown.reason === "status") return undefined;
    throw thrown;
  }
}

/** `6060/tcp` */
function tcpPort(written: string): readonly number[] {
  const [, port] = /^(\d{1,5})\/tcp$/.exec(written) ?? [];
  return port === undefined ? [] : [Number(port)];
}
