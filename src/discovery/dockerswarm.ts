import * as v from "valibot";
import { httpChecks } from "../http/index.ts";
import type { Target } from "../model/index.ts";
import { argument, choice, table } from "../schema/index.ts";
import { defaultPort, dockerArguments } from "./docker/docker-arguments.ts";
import { dockerFinder, type DockerLook, dockerWarnings } from "./docker/docker-finder.ts";
import { networkLabels } from "./docker/networks.ts";
import { targetsOfNodes } from "./docker/swarm-nodes.ts";
import { nodesReply, servicesReply, tasksReply } from "./docker/swarm-replies.ts";
import { targetsOfServices } from "./docker/swarm-services.ts";
import { targetsOfTasks } from "./docker/swarm-tasks.ts";
import { swarmPrefix } from "./docker/swarm.ts";
import { discoveryKind } from "./discovery-kind.ts";

const swarmDiscoveryArguments = v.pipe(
  table({
    ...dockerArguments({
      portDescription: "The port of nodes, and of services and tasks that publish no TCP port",
      filterExample: { name: "name", values: ["api"] },
    }),
    role: argument(choice(["services", "tasks", "nodes"]), {
      description: "What is listed; the daemon must be a manager of the swarm",
      example: "tasks",
    }),
  }),
  httpChecks(),
);

type SwarmDiscoveryArguments = v.InferOutput<typeof swarmDiscoveryArguments>;

/** The kind `discovery.dockerswarm` (reference 6.6): the services, tasks or nodes of a swarm. */
export const dockerswarmKind = discoveryKind<SwarmDiscoveryArguments>({
  name: "discovery.dockerswarm",
  summary: "Finds the services, tasks or nodes of a Docker Swarm.",
  schema: swarmDiscoveryArguments,
  warnings: dockerWarnings,
  find: (args, context) => dockerFinder({ args, look: (look) => lookUp[args.role](args, look) }, context),
});

type LookUp = (args: SwarmDiscoveryArguments, look: DockerLook) => Promise<Iterable<Target>>;

const lookUp: Readonly<Record<SwarmDiscoveryArguments["role"], LookUp>> = {
  async services({ filter, port = defaultPort }, { api, signal, skipped }) {
    const [services, networks] = await Promise.all([
      api.get({ ...servicesQuestion, signal, filters: filter }),
      networkLabels(api, { prefix: swarmPrefix, signal }),
    ]);
    return targetsOfServices(services, { networks, port, skipped });
  },

  async tasks({ filter, port = defaultPort }, { api, signal, skipped }) {
    const [tasks, services, nodes, networks] = await Promise.all([
      api.get({ path: "/tasks", what: "the tasks", schema: tasksReply, signal, filters: filter }),
      api.get({ ...servicesQuestion, signal }),
      api.get({ ...nodesQuestion, signal }),
      networkLabels(api, { prefix: swarmPrefix, signal }),
    ]);
    return targetsOfTasks(tasks, { services, nodes, networks, port, skipped });
  },

  async nodes({ filter, port = defaultPort }, { api, signal, skipped }) {
    return targetsOfNodes(await api.get({ ...nodesQuestion, signal, filters: filter }), { port, skipped });
  },
};

const servicesQuestion = { path: "/services", what: "the services", schema: servicesReply };
const nodesQuestion = { path: "/nodes", what: "the nodes", schema: nodesReply };
