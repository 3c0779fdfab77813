import * as v from "valibot";
import { isThisMachine } from "../base/index.ts";
import { httpChecks, isUnixUrl } from "../http/index.ts";
import { flag, optional, table, word } from "../schema/index.ts";
import { containersReply, targetsOfContainers } from "./docker/containers.ts";
import { dockerArguments } from "./docker/docker-arguments.ts";
import { dockerFinder, dockerWarnings } from "./docker/docker-finder.ts";
import { dockerUrl } from "./docker/docker-host.ts";
import { InspectedContainers } from "./docker/inspected-containers.ts";
import { networkLabels } from "./docker/networks.ts";
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
  const inspected = new InspectedContainers();
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
        return targetsOfContainers(await inspected.complete(listed, look), {
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
