import { hostPort } from "../../base/index.ts";
import { labelsFrom, type Target } from "../../model/index.ts";
import { countedPorts } from "./counted-ports.ts";
import { metaLabels, type Pairs } from "./meta-labels.ts";
import { addressOf, type SwarmOptions, swarmPrefix, tcpPorts } from "./swarm.ts";
import { nodeLabels } from "./swarm-nodes.ts";
import type { SwarmNode, SwarmPort, SwarmService, SwarmTask } from "./swarm-replies.ts";
import { serviceLabels } from "./swarm-services.ts";

export interface TaskOptions extends SwarmOptions {
  readonly services: readonly SwarmService[];
  readonly nodes: readonly SwarmNode[];
}

/**
 * One target for every port that a task publishes on its node, and one for every attached network and published TCP port of its service, at
 * the port argument where none is published (reference 6.6). Tasks that have ended are listed too: `task_desired_state` tells.
 */
export function* targetsOfTasks(tasks: readonly SwarmTask[], options: TaskOptions): Generator<Target> {
  const services = new Map(options.services.map((service) => [service.ID, service]));
  const nodes = new Map(options.nodes.map((node) => [node.ID, node]));
  for (const task of tasks) {
    const placed: PlacedTask = { task, service: services.get(task.ServiceID), node: nodes.get(task.NodeID) };
    const taskOptions = { ...options, common: taskLabels(placed) };
    let found = 0;
    for (const made of [nodeTargets(placed, taskOptions), networkTargets(placed, taskOptions)])
      for (const target of made) {
        found++;
        yield target;
      }
    if (found === 0) options.skipped.add("no_address");
  }
}

interface PlacedTask {
  readonly task: SwarmTask;
  readonly service: SwarmService | undefined;
  readonly node: SwarmNode | undefined;
}

function taskLabels({ task, service, node }: PlacedTask): Pairs {
  return [
    [`${swarmPrefix}task_id`, task.ID],
    [`${swarmPrefix}task_desired_state`, task.DesiredState],
    [`${swarmPrefix}task_state`, task.Status?.State ?? ""],
    [`${swarmPrefix}task_slot`, String(task.Slot)],
    [`${swarmPrefix}task_container_id`, task.Status?.ContainerStatus?.ContainerID ?? ""],
    ...metaLabels(`${swarmPrefix}container_label_`, task.Spec?.ContainerSpec?.Labels ?? {}),
    ...(service ? serviceLabels(service) : []),
    ...(node ? nodeLabels(node) : []),
  ];
}

interface TaskTargetOptions extends SwarmOptions {
  readonly common: Pairs;
}

/** At the ports of the node, published in the mode `host`. */
function* nodeTargets({ task, node }: PlacedTask, { common, skipped }: TaskTargetOptions): Generator<Target> {
  const address = node?.Status?.Addr;
  if (!address) return;
  for (const published of countedPorts(tcpPorts(task.Status?.PortStatus?.Ports ?? []), skipped))
    yield labelsFrom([publishMode(published), ...common, ["__address__", hostPort(address, published.PublishedPort)]]);
}

function* networkTargets({ task, service }: PlacedTask, options: TaskTargetOptions): Generator<Target> {
  const { common, networks, port, skipped } = options;
  const ports = countedPorts(tcpPorts(service?.Endpoint?.Ports ?? []), skipped);
  for (const { Network, Addresses } of task.NetworksAttachments)
    for (const cidr of Addresses) {
      const ip = addressOf(cidr);
      if (ip === undefined) continue;
      const at = (number: number, own: Pairs): Target =>
        labelsFrom([...own, ...common, ...networks(Network?.ID ?? ""), ["__address__", hostPort(ip, number)]]);
      if (ports.length === 0) yield at(port, []);
      for (const published of ports) yield at(published.PublishedPort, [publishMode(published)]);
    }
}

function publishMode({ PublishMode }: SwarmPort): Pairs[number] {
  return [`${swarmPrefix}task_port_publish_mode`, PublishMode];
}
