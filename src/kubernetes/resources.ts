/** A kind of object of the API. */
export interface Resource {
  readonly plural: string;
  /** Empty for the core. */
  readonly group: string;
  readonly namespaced: boolean;
}

function resource(plural: string, group = "", namespaced = true): Resource {
  return { plural, group, namespaced };
}

/** What can be listed; all of it is at version v1. */
export const resources = {
  pods: resource("pods"),
  services: resource("services"),
  endpoints: resource("endpoints"),
  endpointslices: resource("endpointslices", "discovery.k8s.io"),
  ingresses: resource("ingresses", "networking.k8s.io"),
  nodes: resource("nodes", "", false),
  namespaces: resource("namespaces", "", false),
} as const satisfies Readonly<Record<string, Resource>>;

/** The path of all objects of a resource, or of those in one namespace. */
export function pathOf({ plural, group, namespaced }: Resource, namespace?: string): string {
  const root = group === "" ? "/api/v1" : `/apis/${group}/v1`;
  const within = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${within}/${plural}`;
}

/** `endpointslices (discovery.k8s.io)`, as a rule of a Role names it. */
export function describeResource({ plural, group }: Resource): string {
  return group === "" ? plural : `${plural} (${group})`;
}
