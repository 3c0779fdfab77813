import http from "node:http";
import https from "node:https";
import type { Duplex } from "node:stream";
import { limits } from "../base/index.ts";

export interface IdleLimits {
  /** To one host and port. */
  readonly perHost: number;
  /** Of one pool. */
  readonly inAll: number;
  readonly forMs: number;
}

/** The connections of one client: those in use are as many as requests, the idle ones are bounded. */
export interface ConnectionPool {
  /** Takes an idle connection where there is one, and keeps it for the next request. */
  agent(protocol: string): http.Agent;
  /** Opens a connection for one request. */
  freshAgent(protocol: string): http.Agent;
  /** Closes the idle connections, and from now on every connection after its request. */
  close(): void;
}

/** A pool with no connection yet. */
export function createConnectionPool(idleLimits?: Partial<IdleLimits>): ConnectionPool {
  const { perHost, inAll, forMs }: IdleLimits = {
    perHost: limits.idleConnectionsPerHost,
    inAll: limits.idleConnections,
    forMs: limits.idleConnectionMs,
    ...idleLimits,
  };
  const options = { keepAlive: true, maxFreeSockets: perHost, timeout: forMs };
  const idle = new Set<Duplex>();
  const plain = countingIdle(new http.Agent(options), { idle, inAll: () => inAllNow });
  const secure = countingIdle(new https.Agent(options), { idle, inAll: () => inAllNow });
  let inAllNow = inAll;
  return {
    agent: (protocol) => (protocol === "https:" ? secure : plain),
    freshAgent: (protocol) =>
      protocol === "https:" ? new https.Agent({ keepAlive: false }) : new http.Agent({ keepAlive: false }),
    close() {
      // Not agent.destroy(), which would cut the requests in flight too.
      inAllNow = 0;
      for (const socket of idle) socket.destroy();
    },
  };
}

/**
 * Makes an agent keep its idle sockets in `idle`, and no more than `inAll` of them. A full pool closes the newcomer and not the
 * oldest: requests come round in turns, and the oldest is the one that is needed next.
 */
function countingIdle<Agent extends http.Agent>(
  agent: Agent,
  { idle, inAll }: { idle: Set<Duplex>; inAll: () => number },
): Agent {
  const keepSocketAlive = agent.keepSocketAlive.bind(agent) as (socket: Duplex) => boolean;
  const reuseSocket = agent.reuseSocket.bind(agent);
  const forget = function (this: Duplex): void {
    idle.delete(this);
  };
  agent.keepSocketAlive = (socket) => {
    if (idle.size >= inAll() || !keepSocketAlive(socket)) return false;
    idle.add(socket);
    socket.once("close", forget);
    return true;
  };
  agent.reuseSocket = (socket, request) => {
    idle.delete(socket);
    socket.removeListener("close", forget);
    reuseSocket(socket, request);
  };
  return agent;
}
