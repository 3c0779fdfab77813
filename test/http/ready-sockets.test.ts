import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import net from "node:net";
import { createReadySockets } from "../../src/http/connection/ready-sockets.ts";
import { listen } from "./client-under-test.ts";

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

async function connections(count: number): Promise<net.Socket[]> {
  const { port, close } = await listen(net.createServer((socket) => void socket.on("error", () => {}).resume()));
  opened.push({ close });
  const connect = (): Promise<net.Socket> =>
    new Promise((resolve) => {
      const socket = net.connect(port, "127.0.0.1", () => resolve(socket));
    });
  return Promise.all(Array.from({ length: count }, connect));
}

describe("Connections that wait for their first request", () => {
  test("are taken once, and then no more closed in time", async () => {
    const [socket, other] = (await connections(2)) as [net.Socket, net.Socket];
    const ready = createReadySockets({ forMs: 50 });
    ready.keep("a", socket);
    ready.keep("b", other);
    expect(ready.take("a")).toBe(socket);
    expect(ready.take("a")).toBeUndefined();
    await once(other, "close");
    expect(ready.take("b")).toBeUndefined();
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });

  test("are one for each key and bounded in all, the newest ones", async () => {
    const [first, second, third] = (await connections(3)) as [net.Socket, net.Socket, net.Socket];
    const ready = createReadySockets({ max: 1 });
    ready.keep("a", first);
    ready.keep("a", second);
    expect([first, second].map(({ destroyed }) => destroyed)).toEqual([true, false]);
    ready.keep("b", third);
    expect([second, third].map(({ destroyed }) => destroyed)).toEqual([true, false]);
    ready.close();
    expect(third.destroyed).toBe(true);
  });
});
