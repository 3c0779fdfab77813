import type { Agent, AgentOptions } from "node:http";
import type { Duplex } from "node:stream";
import { limits } from "../../base/index.ts";

export interface IdleLimits {
  /** To one host and port. */
  readonly perHost: number;
  /** Of one pool. */
  readonly inAll: number;
  readonly forMs: number;
}

/** The connections of one client: those in use are as many as requests, the idle ones are bounded. */
export interface ConnectionPool {
  /** Takes an idle connection where there is one, and keeps it for the next request; a `fresh` one opens its own for one request. */
  agent(options: { readonly fresh: boolean }): Agent;
  /** Closes the idle connections, and from now on every connection after its request. */
  close(): void;
}

/** A pool with no connection yet. What `makeAgent` makes says how connections are made, and what they may be shared by. */
export function createConnectionPool(
  makeAgent: (options: AgentOptions) => Agent,
  idleLimits?: Partial<IdleLimits>,
): ConnectionPool {
  const { perHost, inAll, forMs }: IdleLimits = {
    perHost: limits.idleConnectionsPerHost,
    inAll: limits.idleConnections,
    forMs: limits.idleConnectionMs,
    ...idleLimits,
  };
  const idle: IdleSockets = { sockets: new Set(), max: inAll };
  const keeping = countingIdle(makeAgent({ keepAlive: true, maxFreeSockets: perHost, timeout: forMs }), idle);
  return {
    agent: ({ fresh }) => (fresh ? makeAgent({ keepAlive: false }) : keeping),
    close() {
      // Not agent.destroy(), which would cut the requests in flight too.
      idle.max = 0;
      for (const socket of idle.sockets) socket.destroy();
    },
  };
}

interface IdleSockets {
  readonly sockets: Set<Duplex>;
  max: number;
}

/**
 * Makes an agent count its idle sockets in `idle`, because Node's agent bounds them per host only. A full pool closes the
 * newcomer and not the oldest: targets come round in turns, and the oldest connection is the one that is needed next.
 */
function countingIdle(agent: Agent, idle: IdleSockets): Agent {
  const keepSocketAlive = agent.keepSocketAlive.bind(agent) as (socket: Duplex) => boolean;
  const reuseSocket = agent.reuseSocket.bind(agent);
  const forget = function (this: Duplex): void {
    idle.sockets.delete(this);
  };
  agent.keepSocketAlive = (socket) => {
    if (idle.sockets.size >= idle.max || !keepSocketAlive(socket)) return false;
    idle.sockets.add(socket);
    socket.once("close", forget);
    return true;
  };
  agent.reuseSocket = (socket, request) => {
    idle.sockets.delete(socket);
    socket.removeListener("close", forget);
    reuseSocket(socket, request);
  };
  return agent;
}
