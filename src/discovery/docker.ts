import * as v from "valibot";
import { isThisMachine } from "../base/index.ts";
import { httpChecks, isUnixUrl } from "../http/index.ts";
import { flag, optional, table, word } from "../schema/index.ts";
import { type Container, containersReply, targetsOfContainers } from "./docker/containers.ts";
import { dockerArguments } from "./docker/docker-arguments.ts";
import { dockerFinder, type DockerLook, dockerWarnings } from "./docker/docker-finder.ts";
import { dockerUrl } from "./docker/docker-host.ts";
import { networkLabels } from "./docker/networks.ts";
import { text } from "./docker/reply-schemas.ts";
import { DiscoveryError } from "./discovery-error.ts";
import { discoveryKind } from "./discovery-kind.ts";
import type { Finder, FinderContext } from "./finder.ts";

const dockerDiscoveryArguments = v.pipe(
  table({
    ...dockerArguments({
      portDescription:
        "The port of containers without exposed TCP ports. Written out, also that of containers in the network of the host, whose address has no port otherwise",
      filterExample: { name: "label", values: ["profiles=on"] },
    }),
    host_networking_host: optional(word(), {
      default: "localhost",
      description: "The host of containers in the network of the host",
      example: "10.0.0.5",
    }),
    match_first_network: optional(flag(), {
      default: true,
      description: "Whether a container is found in one of its networks only: the first by name that has an address",
      example: false,
    }),
  }),
  httpChecks(),
);

type DockerDiscoveryArguments = v.InferOutput<typeof dockerDiscoveryArguments>;

/** The kind `discovery.docker` (reference 6.5): the running containers of a Docker daemon or of Podman. */
export const dockerKind = discoveryKind<DockerDiscoveryArguments>({
  name: "discovery.docker",
  summary: "Finds the running containers of a Docker daemon, or of Podman.",
  schema: dockerDiscoveryArguments,
  warnings: dockerWarnings,
  nodeLocal: ({ host }) =>
    isUnixUrl(host) || isThisMachine(dockerUrl(host, "/", { withTls: false }))
      ? "it finds the containers of its own machine"
      : undefined,
  find: findByDocker,
});

function findByDocker(args: DockerDiscoveryArguments, context: FinderContext): Finder {
  const modes = new NetworkModes();
  return dockerFinder(
    {
      args,
      async look(look) {
        const { api, signal, skipped } = look;
        const { filter: filters } = args;
        const [listed, networks] = await Promise.all([
          api.get({ path: "/containers/json", what: "the containers", schema: containersReply, signal, filters }),
          networkLabels(api, { prefix: "__meta_docker_", signal }),
        ]);
        return targetsOfContainers(await modes.complete(listed, look), {
          networks,
          port: args.port,
          hostNetworkingHost: args.host_networking_host,
          matchFirstNetwork: args.match_first_network,
          skipped,
        });
      },
    },
    context,
  );
}

const inspectReply = v.object({ HostConfig: v.nullish(v.object({ NetworkMode: text() })) });

/** The list of older Podmans does not tell who is in the network of the host; the container itself does, and it never changes. */
class NetworkModes {
  #known = new Map<string, string>();

  async complete(containers: readonly Container[], look: DockerLook): Promise<readonly Container[]> {
    const known = new Map<string, string>();
    const completed: Container[] = [];
    for (const container of containers) {
      const { Id, HostConfig } = container;
      if (HostConfig) {
        completed.push(container);
        continue;
      }
      const NetworkMode = this.#known.get(Id) ?? (await networkMode(Id, look));
      if (NetworkMode !== undefined) known.set(Id, NetworkMode);
      completed.push({ ...container, HostConfig: { NetworkMode: NetworkMode ?? "" } });
    }
    this.#known = known;
    return completed;
  }
}

/** `undefined` where the container is gone by now, or the daemon does not say. */
async function networkMode(id: string, { api, signal }: DockerLook): Promise<string | undefined> {
  const path = `/containers/${encodeURIComponent(id)}/json`;
  try {
    const { HostConfig } = await api.get({ path, what: "one of the containers", schema: inspectReply, signal });
    return HostConfig?.NetworkMode ?? "";
  } catch (thrown) {
    if (thrown instanceof DiscoveryError && thrown.reason === "status") return undefined;
    throw thrown;
  }
}
