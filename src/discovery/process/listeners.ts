import { isIPv6 } from "node:net";
import { hostPort } from "../../base/index.ts";
import type { OwnedSocket } from "./owner-table.ts";
import type { ProcessInfo } from "./process-info.ts";

/** What may be a target: a port of a process. */
export interface Listener {
  readonly inode: string;
  readonly port: number;
  readonly uid: number;
  /** `host:port`, the first that answers; all of them on this machine. */
  readonly addresses: readonly string[];
}

/** The ports of one process, lowest first. */
export interface ListeningProcess {
  /** `undefined` where it cannot be seen; then there is one port. */
  readonly process: ProcessInfo | undefined;
  readonly listeners: readonly Listener[];
}

/** The sockets by their process, each port once: a server at several addresses of a port is one server. */
export function listeningProcesses(sockets: readonly OwnedSocket[]): readonly ListeningProcess[] {
  const reachable = sockets.filter(({ ip }) => !ip.startsWith("fe80:"));
  const byOwner = Map.groupBy(reachable, ({ process, uid, port }) => (process ? process.pid : `${uid} ${port}`));
  return [...byOwner.values()].map((owned) => {
    const byPort = Map.groupBy(owned, ({ port }) => port);
    const ports = [...byPort].sort(([a], [b]) => a - b);
    return {
      process: owned[0]?.process,
      listeners: ports.map(([, [first, ...others]]) =>
        listenerOf([first as OwnedSocket, ...others].reduce(preferred), reachable),
      ),
    };
  });
}

function preferred(a: OwnedSocket, b: OwnedSocket): OwnedSocket {
  return rank(b) < rank(a) ? b : a;
}

/** Loopback first, which no network can take away, then what is bound to all addresses; IPv4 before IPv6. */
function rank({ ip }: OwnedSocket): number {
  const kind = ip.startsWith("127.") || ip === "::1" ? 0 : ip === "0.0.0.0" || ip === "::" ? 1 : 2;
  return 2 * kind + (isIPv6(ip) ? 1 : 0);
}

function listenerOf({ inode, ip, port, uid }: OwnedSocket, all: readonly OwnedSocket[]): Listener {
  return { inode, port, uid, addresses: hostsFor({ ip, port, inode }, all).map((host) => hostPort(host, port)) };
}

type Bound = Pick<OwnedSocket, "ip" | "port" | "inode">;

/** `::` takes connections to IPv4 addresses too, as a rule; not where another socket has the port there. */
function hostsFor({ ip, port, inode }: Bound, all: readonly OwnedSocket[]): readonly string[] {
  if (ip === "0.0.0.0") return ["127.0.0.1"];
  if (ip !== "::") return [ip];
  const isTaken = all.some(
    (other) => other.port === port && other.inode !== inode && (other.ip === "0.0.0.0" || other.ip === "127.0.0.1"),
  );
  return isTaken ? ["::1"] : ["127.0.0.1", "::1"];
}
