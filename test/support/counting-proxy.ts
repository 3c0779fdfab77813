import { createConnection, createServer, type Socket } from "node:net";

/** Passes bytes on to a port of 127.0.0.1 and counts the connections, which an HTTP server's own counts do not tell. */
export interface CountingProxy {
  readonly port: number;
  /** Connections taken so far. */
  readonly connections: number;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startCountingProxy(port: number): Promise<CountingProxy> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    connections++;
    const upstream = createConnection(port, "127.0.0.1");
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.on("error", () => {}).on("close", () => (open.delete(socket), other.destroy()));
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}
