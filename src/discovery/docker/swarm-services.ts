import { hostPort } from "../../base/index.ts";
import { labelsFrom, type Target } from "../../model/index.ts";
import { countedPorts } from "./counted-ports.ts";
import { metaLabels, type Pairs } from "./meta-labels.ts";
import { addressOf, type SwarmOptions, swarmPrefix, tcpPorts } from "./swarm.ts";
import type { SwarmPort, SwarmService } from "./swarm-replies.ts";

/**
 * One target for every virtual IP and published TCP port of a service, at the port argument where none is published (reference 6.6). A service
 * in the network of the host, or with the endpoint mode dnsrr, has no virtual IP: its tasks have addresses.
 */
export function* targetsOfServices(services: readonly SwarmService[], options: SwarmOptions): Generator<Target> {
  const { networks, port, skipped } = options;
  for (const service of services) {
    const { Ports = [], VirtualIPs = [] } = service.Endpoint ?? {};
    const addresses = VirtualIPs.flatMap(({ Addr, NetworkID }) => {
      const ip = addressOf(Addr);
      return ip === undefined ? [] : [{ ip, labels: networks(NetworkID) }];
    });
    if (addresses.length === 0) skipped.add("no_address");
    const ports = countedPorts(tcpPorts(Ports), skipped);
    const common: Pairs = [...serviceLabels(service), ...templateLabels(service)];
    for (const { ip, labels } of addresses) {
      const at = (number: number, own: Pairs): Target =>
        labelsFrom([...own, ...common, ...labels, ["__address__", hostPort(ip, number)]]);
      if (ports.length === 0) yield at(port, []);
      for (const published of ports) yield at(published.PublishedPort, portLabels(published));
    }
  }
}

/** What every target of a service tells of it, those of its tasks included. */
export function serviceLabels({ ID, Spec }: SwarmService): Pairs {
  const mode = Spec.Mode?.Global ? "global" : Spec.Mode?.Replicated ? "replicated" : "";
  return [
    [`${swarmPrefix}service_id`, ID],
    [`${swarmPrefix}service_name`, Spec.Name],
    [`${swarmPrefix}service_mode`, mode],
    ...metaLabels(`${swarmPrefix}service_label_`, Spec.Labels),
  ];
}

function templateLabels({ Spec, UpdateStatus }: SwarmService): Pairs {
  const container = Spec.TaskTemplate?.ContainerSpec;
  return [
    [`${swarmPrefix}service_task_container_hostname`, container?.Hostname ?? ""],
    [`${swarmPrefix}service_task_container_image`, container?.Image ?? ""],
    [`${swarmPrefix}service_updating_status`, UpdateStatus?.State ?? ""],
  ];
}

function portLabels({ Name, PublishMode }: SwarmPort): Pairs {
  return [
    [`${swarmPrefix}service_endpoint_port_name`, Name],
    [`${swarmPrefix}service_endpoint_port_publish_mode`, PublishMode],
  ];
}
