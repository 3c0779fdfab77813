import http from "node:http";
import type { Duplex } from "node:stream";
import { limits } from "../../base/index.ts";
import { failureOf } from "./dial.ts";

export interface IdleLimits {
  /** To one host and port. */
  readonly perHost: number;
  /** Of one pool. */
  readonly inAll: number;
  readonly forMs: number;
}

/** How a connection is made: by node:http, or by a dialer of ours. */
export type ConnectionKind = "plain" | "dialed";

/** Makes the connection for a request with these options, and names what connections may be shared by. */
export interface Dialer {
  open(options: object): Promise<Duplex>;
  key(options: object): string;
}

/** The connections of one client: those in use are as many as requests, the idle ones are bounded. */
export interface ConnectionPool {
  /** Takes an idle connection where there is one, and keeps it for the next request. */
  agent(kind: ConnectionKind): http.Agent;
  /** Opens a connection for one request. */
  freshAgent(kind: ConnectionKind): http.Agent;
  /** Closes the idle connections, and from now on every connection after its request. */
  close(): void;
}

/** A pool with no connection yet. Connections of the kind `dialed` need the dialer. */
export function createConnectionPool(dialer?: Dialer, idleLimits?: Partial<IdleLimits>): ConnectionPool {
  const { perHost, inAll, forMs }: IdleLimits = {
    perHost: limits.idleConnectionsPerHost,
    inAll: limits.idleConnections,
    forMs: limits.idleConnectionMs,
    ...idleLimits,
  };
  const idle: IdleSockets = { sockets: new Set(), max: inAll };
  const known = new Map<ConnectionKind, http.Agent>();
  return {
    agent(kind) {
      let agent = known.get(kind);
      if (!agent) {
        const kept = newAgent(kind, { keepAlive: true, maxFreeSockets: perHost, timeout: forMs }, dialer);
        agent = countingIdle(kept, idle);
        known.set(kind, agent);
      }
      return agent;
    },
    freshAgent: (kind) => newAgent(kind, { keepAlive: false }, dialer),
    close() {
      // Not agent.destroy(), which would cut the requests in flight too.
      idle.max = 0;
      for (const socket of idle.sockets) socket.destroy();
    },
  };
}

function newAgent(kind: ConnectionKind, options: http.AgentOptions, dialer: Dialer | undefined): http.Agent {
  if (kind === "plain") return new http.Agent(options);
  if (!dialer) throw new TypeError("a pool without a dialer has no dialed connections");
  return new DialingAgent(options, dialer);
}

/** Not node:https' agent: that offers no way through a proxy, and names connections by the whole text of their certificates. */
class DialingAgent extends http.Agent {
  readonly #dialer: Dialer;

  constructor(options: http.AgentOptions, dialer: Dialer) {
    super(options);
    this.#dialer = dialer;
  }

  override getName(options: object = {}): string {
    return this.#dialer.key(options);
  }

  override createConnection(
    options: http.ClientRequestArgs,
    done: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const opened = this.#dialer.open(options).then(stillOpen);
    opened.then(
      (socket) => done(null, socket),
      // Node's types want a socket with an error too.
      (error: Error) => (done as (error: Error) => void)(error),
    );
    return undefined;
  }
}

/** A request would wait for its deadline on a connection that has ended before. */
function stillOpen(socket: Duplex): Duplex {
  if (!socket.destroyed) return socket;
  throw failureOf(socket) ?? Object.assign(new Error("closed before its first request"), { code: "ECONNRESET" });
}

/** The idle connections of all agents of a pool. */
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
