import { hostPort } from "../../base/index.ts";
import { labelsFrom, type Target } from "../../model/index.ts";
import { metaLabels, type Pairs } from "./meta-labels.ts";
import { type SwarmOptions, swarmPrefix } from "./swarm.ts";
import type { SwarmNode } from "./swarm-replies.ts";

/** One target for every node (reference 6.6). */
export function targetsOfNodes(
  nodes: readonly SwarmNode[],
  { port, skipped }: Omit<SwarmOptions, "networks">,
): readonly Target[] {
  return nodes.flatMap((node) => {
    const address = node.Status?.Addr;
    if (!address) {
      skipped.add("no_address");
      return [];
    }
    const own: Pairs = [
      [`${swarmPrefix}node_engine_version`, node.Description?.Engine?.EngineVersion ?? ""],
      ...managerLabels(node),
    ];
    return [labelsFrom([...own, ...nodeLabels(node), ["__address__", hostPort(address, port)]])];
  });
}

/** What every target on a node tells of it, those of tasks included. */
export function nodeLabels({ ID, Spec, Description, Status }: SwarmNode): Pairs {
  return [
    [`${swarmPrefix}node_id`, ID],
    [`${swarmPrefix}node_role`, Spec.Role],
    [`${swarmPrefix}node_address`, Status?.Addr ?? ""],
    [`${swarmPrefix}node_availability`, Spec.Availability],
    [`${swarmPrefix}node_hostname`, Description?.Hostname ?? ""],
    [`${swarmPrefix}node_platform_architecture`, Description?.Platform?.Architecture ?? ""],
    [`${swarmPrefix}node_platform_os`, Description?.Platform?.OS ?? ""],
    [`${swarmPrefix}node_status`, Status?.State ?? ""],
    ...metaLabels(`${swarmPrefix}node_label_`, Spec.Labels),
  ];
}

function managerLabels({ ManagerStatus }: SwarmNode): Pairs {
  if (!ManagerStatus) return [];
  const { Leader, Reachability, Addr } = ManagerStatus;
  return [
    [`${swarmPrefix}node_manager_leader`, String(Leader)],
    [`${swarmPrefix}node_manager_reachability`, Reachability],
    [`${swarmPrefix}node_manager_address`, Addr],
  ];
}
