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
  const idle: IdleSockets = { sockets: new Set(), max: inAll };
  const plain = countingIdle(new http.Agent(options), idle);
  const secure = countingIdle(new https.Agent(options), idle);
  return {
    agent: (protocol) => (protocol === "https:" ? secure : plain),
    freshAgent: (protocol) =>
      protocol === "https:" ? new https.Agent({ keepAlive: false }) : new http.Agent({ keepAlive: false }),
    close() {
      // Not agent.destroy(), which would cut the requests in flight too.
      idle.max = 0;
      for (const socket of idle.sockets) socket.destroy();
    },
  };
}

/** The idle connections of both agents. */
interface IdleSockets {
  readonly sockets: Set<Duplex>;
  max: number;
}

/**
 * Makes an agent count its idle sockets in `idle`, because Node's agent bounds them per host only. A full pool closes the
 * newcomer and not the oldest: targets come round in turns, and the oldest connection is the one that is needed next.
 */
function countingIdle<Agent extends http.Agent>(agent: Agent, idle: IdleSockets): Agent {
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
