import { hostPort } from "../../base/index.ts";
import * as v from "valibot";
import { labelsFrom, type Target } from "../../model/index.ts";
import type { SkippedObjects } from "../skipped-objects.ts";
import { countedPorts } from "./counted-ports.ts";
import { defaultPort } from "./docker-arguments.ts";
import { metaLabels, type Pairs } from "./meta-labels.ts";
import type { NetworkLabels } from "./networks.ts";
import { count, list, record, text } from "./reply-schemas.ts";

const endpoint = v.object({ NetworkID: text(), IPAddress: text(), GlobalIPv6Address: text() });

export const containersReply = v.array(
  v.object({
    Id: v.string(),
    Names: list(v.string()),
    Image: text(),
    ImageID: text(),
    Labels: record(v.string()),
    Ports: list(v.object({ IP: text(), PrivatePort: count(), PublicPort: count(), Type: text() })),
    /** Older Podmans, such as 4.3, leave it out. */
    HostConfig: v.nullish(v.object({ NetworkMode: text() })),
    NetworkSettings: v.nullish(v.object({ Networks: record(v.nullable(endpoint)) })),
  }),
);

export type Container = v.InferOutput<typeof containersReply>[number];

export interface ContainerOptions {
  readonly networks: NetworkLabels;
  /** As configured; `undefined` where it was left out. */
  readonly port: number | undefined;
  readonly hostNetworkingHost: string;
  readonly matchFirstNetwork: boolean;
  readonly skipped: SkippedObjects;
}

const prefix = "__meta_docker_";

/**
 * One target for every network and TCP port of a container (reference 6.5), made one after the other as they are asked for. Where there is no such port, `port`. A container in the
 * network of the host is there, at `port` if one was configured: nobody knows its own.
 */
export function* targetsOfContainers(containers: readonly Container[], options: ContainerOptions): Generator<Target> {
  const byId = new Map(containers.map((container) => [container.Id, container]));
  for (const container of containers) {
    const [name] = container.Names;
    if (name === undefined) {
      options.skipped.add("no_name");
      continue;
    }
    const common = containerLabels(container, name);
    const owner = networkOwner(container, byId);
    if (isOnHostNetwork(owner)) {
      yield hostTarget(owner, common, options);
      continue;
    }
    const attached = attachments(owner, options);
    if (attached.length === 0) options.skipped.add("no_address");
    const ports = countedPorts(
      container.Ports.filter(({ Type }) => Type === "tcp"),
      options.skipped,
    );
    for (const attachment of attached) yield* targetsAt(attachment, { ports, common, ...options });
  }
}

function containerLabels(container: Container, name: string): Pairs {
  return [
    [`${prefix}container_id`, container.Id],
    [`${prefix}container_name`, name],
    [`${prefix}container_network_mode`, container.HostConfig?.NetworkMode ?? ""],
    [`${prefix}container_image`, container.Image],
    [`${prefix}container_image_id`, container.ImageID],
    ...metaLabels(`${prefix}container_label_`, container.Labels),
  ];
}

/** The container whose network this one shares, over any number of steps; itself where it shares none or the owner is not listed. */
function networkOwner(container: Container, byId: ReadonlyMap<string, Container>): Container {
  const seen = new Set<Container>();
  let owner = container;
  while (Object.keys(networksOf(owner)).length === 0 && !seen.has(owner)) {
    seen.add(owner);
    const [, id] = /^container:(.+)$/.exec(owner.HostConfig?.NetworkMode ?? "") ?? [];
    owner = byId.get(id ?? "") ?? owner;
  }
  return owner;
}

function networksOf({ NetworkSettings }: Container) {
  return NetworkSettings?.Networks ?? {};
}

function isOnHostNetwork({ HostConfig }: Container): boolean {
  return HostConfig?.NetworkMode === "host";
}

/** Where a container can be reached. */
interface Attachment {
  readonly ip: string;
  readonly labels: Pairs;
}

/** By the names of the networks; only those with an address. */
function attachments(
  owner: Container,
  { networks, matchFirstNetwork }: Pick<ContainerOptions, "networks" | "matchFirstNetwork">,
): readonly Attachment[] {
  const all = Object.entries(networksOf(owner))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, settings]): Attachment[] => {
      const ip = settings?.IPAddress || settings?.GlobalIPv6Address;
      if (!settings || !ip) return [];
      return [{ ip, labels: [[`${prefix}network_ip`, ip], ...networks(settings.NetworkID, name)] }];
    });
  return matchFirstNetwork ? all.slice(0, 1) : all;
}

interface AttachedContainer extends Pick<ContainerOptions, "port"> {
  readonly ports: readonly Container["Ports"][number][];
  readonly common: Pairs;
}

function* targetsAt({ ip, labels }: Attachment, { ports, common, port }: AttachedContainer): Generator<Target> {
  const at = (number: number, own: Pairs): Target =>
    labelsFrom([...own, ...common, ...labels, ["__address__", hostPort(ip, number)]]);
  if (ports.length === 0) yield at(port ?? defaultPort, []);
  for (const { PrivatePort, PublicPort, IP } of ports)
    yield at(PrivatePort, [
      [`${prefix}port_private`, String(PrivatePort)],
      [`${prefix}port_public`, PublicPort > 0 ? String(PublicPort) : ""],
      [`${prefix}port_public_ip`, PublicPort > 0 ? IP : ""],
    ]);
}

function hostTarget(owner: Container, common: Pairs, options: ContainerOptions): Target {
  const { hostNetworkingHost: host, port, networks } = options;
  const id = networksOf(owner)["host"]?.NetworkID ?? "";
  const address = port === undefined ? host : hostPort(host, port);
  return labelsFrom([...common, ...networks(id, "host"), ["__address__", address]]);
}
