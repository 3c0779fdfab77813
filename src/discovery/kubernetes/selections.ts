import { resources, type Selection } from "../../kubernetes/index.ts";
import { type KubernetesArguments, nodeOfFields, type RoleName } from "./arguments.ts";
import type { ResourceName, Role } from "./role.ts";

/** A list to be kept. */
export interface Wanted {
  readonly name: ResourceName;
  readonly selection: Selection;
}

export interface SelectionOptions {
  readonly args: KubernetesArguments;
  readonly role: Role;
  /** `undefined` for all. */
  readonly namespaces: readonly string[] | undefined;
}

/** The lists that a role needs: its own objects and what belongs to them for every namespace, nodes and namespaces where they are attached. */
export function selectionsOf({ args, role, namespaces }: SelectionOptions): readonly Wanted[] {
  const { attach_metadata: attach } = args;
  const attachesNodes = attach?.node === true && role.others.concat(role.resource).includes("pods");
  const within = (namespace: string | undefined): readonly Wanted[] => [
    wanted(role.resource, { args, namespace, isOwn: true }),
    ...role.others.map((name) => wanted(name, { args, namespace, isOwn: false })),
    ...(attach?.namespace && role.resource !== "nodes" ? [namespaceItself(namespace)] : []),
  ];
  // Nodes are in no namespace.
  const places = role.resource === "nodes" || !namespaces ? [undefined] : namespaces;
  return [
    ...places.flatMap(within),
    ...(attachesNodes ? [wanted("nodes", { args, namespace: undefined, isOwn: false })] : []),
  ];
}

interface WantedOptions {
  readonly args: KubernetesArguments;
  readonly namespace: string | undefined;
  /** Whether these objects become targets; of others than pods, the metadata is enough. */
  readonly isOwn: boolean;
}

const roleOf: Readonly<Partial<Record<ResourceName, RoleName>>> = {
  pods: "pod",
  services: "service",
  endpoints: "endpoints",
  endpointslices: "endpointslice",
  ingresses: "ingress",
  nodes: "node",
};

function wanted(name: ResourceName, { args, namespace, isOwn }: WantedOptions): Wanted {
  const { selectors = [] } = args;
  const selector = selectors.find(({ role }) => role === roleOf[name]);
  const node = name === "pods" || name === "nodes" ? ownNode(args) : undefined;
  const byNode = node && `${name === "pods" ? "spec.nodeName" : "metadata.name"}=${node}`;
  const fields = new Set([selector?.field, byNode].flatMap((field) => field?.split(/(?<!\\),/) ?? []));
  return {
    name,
    selection: {
      resource: resources[name],
      namespace,
      label: selector?.label,
      field: [...fields].join(","),
      metadataOnly: !isOwn && name !== "pods",
      few: node !== undefined,
    },
  };
}

/** The one node that matters. */
function ownNode({ role, node_name, selectors = [] }: KubernetesArguments): string | undefined {
  if (role !== "pod" && role !== "node") return undefined;
  return node_name ?? nodeOfFields(role, selectors.find((selector) => selector.role === role)?.field ?? "");
}

/** With named namespaces each alone, for which a narrower right is enough. */
function namespaceItself(namespace: string | undefined): Wanted {
  const field = namespace === undefined ? "" : `metadata.name=${namespace}`;
  return { name: "namespaces", selection: { resource: resources.namespaces, namespace, field, metadataOnly: true } };
}
