import { isIP } from "node:net";
import type { SkippedObjects } from "../skipped-objects.ts";
import type { NetworkLabels } from "./networks.ts";

export const swarmPrefix = "__meta_dockerswarm_";

export interface SwarmOptions {
  readonly networks: NetworkLabels;
  readonly port: number;
  readonly skipped: SkippedObjects;
}

export function tcpPorts<Port extends { readonly Protocol: string }>(ports: readonly Port[]): readonly Port[] {
  return ports.filter(({ Protocol }) => Protocol === "tcp");
}

/** The address of `10.0.1.2/24`; `undefined` where there is none, as for services in the network of the host. */
export function addressOf(cidr: string): string | undefined {
  const [ip = ""] = cidr.split("/");
  return isIP(ip) === 0 ? undefined : ip;
}
