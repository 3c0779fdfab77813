import { afterEach, describe, expect, test } from "bun:test";
import net from "node:net";
import type { TLSSocket } from "node:tls";
import { dial } from "../../src/http/connection/dial.ts";
import { createHttp2Sessions, type Http2SessionsOptions } from "../../src/http/connection/http2-sessions.ts";
import type { TlsOptions } from "../../src/http/tls/tls-settings.ts";
import { failure, listen, until } from "./client-under-test.ts";
import { type RawHttp2Server, startRawHttp2Server } from "./raw-http2-server.ts";
import { selfSigned } from "./self-signed.ts";

const tls: TlsOptions = { ca: selfSigned.cert, rejectUnauthorized: true, minVersion: "TLSv1.2" };

const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

async function startServer(): Promise<RawHttp2Server> {
  const server = await startRawHttp2Server();
  opened.push(server);
  return server;
}

const waiting = (signal = new AbortController().signal) => ({ onHandshake: () => {}, signal });

/** Sessions, and the count of connections that were begun for them. */
function sessionsUnderTest(options: Partial<Http2SessionsOptions> = {}) {
  let begun = 0;
  const connect: Http2SessionsOptions["connect"] = async (url, { protocols, ...how }) => {
    begun++;
    return (await dial({ url, proxy: undefined, tls, over: { ALPNProtocols: [...protocols] }, ...how })) as TLSSocket;
  };
  const sessions = createHttp2Sessions({ connect, handOver: (_, socket) => socket.destroy(), ...options });
  opened.unshift(sessions);
  return { sessions, connect, begun: () => begun };
}

describe("The HTTP/2 connections of a client", () => {
  test("are replaced by one for all who find that it is out of use", async () => {
    const url = new URL((await startServer()).url);
    const { sessions, begun } = sessionsUnderTest();
    const first = await sessions.sessionTo(url, waiting());
    if (first) Object.defineProperty(first, "isUsable", { value: false });
    const next = await Promise.all([1, 2, 3].map(() => sessions.sessionTo(url, waiting())));
    expect(new Set([first, ...next]).size).toBe(2);
    expect(begun()).toBe(2);
    // It is not known any more, and would stay open.
    first?.socket.destroy();
  });

  test("are given up with the last request that waits, and not before", async () => {
    const sockets = new Set<net.Socket>();
    const silent = net.createServer((socket) => {
      sockets.add(socket.on("error", () => {}).resume());
      socket.once("close", () => sockets.delete(socket));
    });
    const { port, close } = await listen(silent);
    opened.push({ close });
    const url = new URL(`https://localhost:${port}/`);
    const { sessions, begun } = sessionsUnderTest();
    const [one, other] = [new AbortController(), new AbortController()];
    const both = [one, other].map(({ signal }) => failure(sessions.sessionTo(url, waiting(signal))));
    await until(() => sockets.size === 1);
    one.abort();
    await new Promise((resolve) => setImmediate(resolve));
    expect(sockets.size).toBe(1);
    other.abort();
    expect((await Promise.all(both)).map(({ reason }) => reason)).toEqual(["canceled", "canceled"]);
    await until(() => sockets.size === 0);
    expect(begun()).toBe(1);
  });

  test("that end before HTTP/2 begins on them are noticed", async () => {
    const url = new URL((await startServer()).url);
    const { connect } = sessionsUnderTest();
    const { sessions } = sessionsUnderTest({
      connect: async (...to) => {
        const socket = await connect(...to);
        return socket.destroy();
      },
    });
    expect((await failure(sessions.sessionTo(url, waiting()))).message).toBe("closed before its first request");
  });

  const bounds: [what: string, bound: Partial<Http2SessionsOptions>][] = [
    ["idle ones", { maxIdle: 1 }],
    ["remembered origins", { maxOrigins: 1 }],
  ];
  test.each(bounds)("are closed above the limit of %s, the oldest first", async (_what, bound) => {
    const servers = [await startServer(), await startServer()];
    const [one, other] = servers.map(({ url }) => new URL(url)) as [URL, URL];
    const { sessions, begun } = sessionsUnderTest(bound);
    await sessions.sessionTo(one, waiting());
    await until(() => servers[0]?.open() === 1);
    await sessions.sessionTo(other, waiting());
    await until(() => servers[0]?.open() === 0);
    await sessions.sessionTo(other, waiting());
    expect(begun()).toBe(2);
    await until(() => servers[1]?.open() === 1);
  });

  test("in use are not idle", async () => {
    const servers = [await startServer(), await startServer()];
    const [one, other] = servers.map(({ url }) => new URL(url)) as [URL, URL];
    const { sessions, begun } = sessionsUnderTest({ maxIdle: 1 });
    const session = await sessions.sessionTo(one, waiting());
    await new Promise((resolve) => setImmediate(resolve));
    const stream = session?.request({ ":path": "/" }, { endStream: false });
    await sessions.sessionTo(other, waiting());
    await new Promise((resolve) => setImmediate(resolve));
    expect(await sessions.sessionTo(one, waiting())).toBe(session);
    expect(begun()).toBe(2);
    stream?.close();
  });
});
