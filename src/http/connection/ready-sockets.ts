import type { Socket } from "node:net";
import { limits } from "../../base/index.ts";

/** Connections on which HTTP/1.1 was agreed, and that have had no request yet: one for each key. */
export interface ReadySockets {
  keep(key: string, socket: Socket): void;
  take(key: string): Socket | undefined;
  close(): void;
}

interface ReadyLimits {
  readonly max?: number;
  readonly forMs?: number;
}

/** A connection whose request went away before taking it is kept as long as any idle one, and as many of them are. */
export function createReadySockets(readyLimits: ReadyLimits = {}): ReadySockets {
  const { max = limits.idleConnections, forMs = limits.idleConnectionMs } = readyLimits;
  const sockets = new Map<string, Socket>();

  function take(key: string): Socket | undefined {
    const socket = sockets.get(key);
    if (!socket) return undefined;
    sockets.delete(key);
    return socket.removeListener("timeout", end).setTimeout(0).ref();
  }

  return {
    keep(key, socket) {
      take(key)?.destroy();
      sockets.set(key, socket);
      socket.setTimeout(forMs, end).unref();
      socket.once("close", () => sockets.get(key) === socket && sockets.delete(key));
      // Where no request comes for it, its end is no news.
      socket.on("error", () => {});
      const [longest] = sockets.values();
      if (sockets.size > max) longest?.destroy();
    },
    take,
    close() {
      for (const socket of sockets.values()) socket.destroy();
    },
  };
}

function end(this: Socket): void {
  this.destroy();
}
