import { describe, expect, test } from "bun:test";
import { EventEmitter, getEventListeners } from "node:events";
import http from "node:http";
import net from "node:net";
import { createConnectionPool } from "../../src/http/connection/connection-pool.ts";
import type { Connector } from "../../src/http/connection/connector.ts";
import type { OutgoingRequest } from "../../src/http/connection/outgoing-request.ts";
import { exchange } from "../../src/http/exchange.ts";
import { Interruption } from "../../src/http/interruption.ts";
import { createHttpClient } from "../../src/http/index.ts";
import { clientUnderTest, failure, listen, text, until } from "./client-under-test.ts";

const it = clientUnderTest();

describe("an HTTP client's deadline", () => {
  const stalls: [path: string, message: string][] = [
    ["/silent", 'No answer from "127.0.0.1:PORT" within 5s: connected, but no response came'],
    ["/slow-headers", 'No answer from "127.0.0.1:PORT" within 5s: connected, but no response came'],
  ];
  test.each(stalls)("ends a request to %s and its connection", async (path, message) => {
    const before = it.server.requests.length;
    const pending = failure(it.get(path, { timeoutMs: 5000 }));
    await until(() => it.server.requests.length > before);
    await it.clock.advance(4999);
    expect(it.server.connections()).toBe(1);
    await it.clock.advance(1);
    expect(await pending).toEqual({ reason: "timeout", message });
    await it.server.idle();
  });

  test("covers the body", async () => {
    // In real time, because nothing tells when the first byte has come.
    it.client = createHttpClient();
    expect(await failure(it.get("/trickle", { timeoutMs: 200 }))).toEqual({
      reason: "timeout",
      message: 'The body from "127.0.0.1:PORT" was not complete within 200ms: 1 byte had come',
    });
    await it.server.idle();
  });

  test("covers all hops of a redirect together", async () => {
    const before = it.server.requests.length;
    const pending = failure(it.get("/redirect?to=/silent", { timeoutMs: 5000 }));
    await until(() => it.server.requests.length === before + 2);
    await it.clock.advance(5000);
    expect((await pending).reason).toBe("timeout");
    await it.server.idle();
  });
});

describe("an HTTP client's signal", () => {
  test("cancels a request that waits, and its connection", async () => {
    const controller = new AbortController();
    const before = it.server.requests.length;
    const pending = failure(it.get("/silent", { signal: controller.signal }));
    await until(() => it.server.requests.length > before);
    controller.abort();
    expect(await pending).toEqual({ reason: "canceled", message: 'Canceled the request to "127.0.0.1:PORT"' });
    await it.server.idle();
  });

  test("that is aborted already lets nothing out", async () => {
    const before = it.server.requests.length;
    expect((await failure(it.get("/ok", { signal: AbortSignal.abort() }))).reason).toBe("canceled");
    expect(it.server.requests.length).toBe(before);
  });

  test("keeps no listener after any kind of end", async () => {
    const { signal } = new AbortController();
    for (const path of ["/ok", "/404", "/cut", "/garbage", "/redirect", "/redirect-loop", "/endless"])
      await it.get(path, { signal }).catch(() => {});
    await Promise.all(Array.from({ length: 200 }, () => it.get("/ok", { signal })));
    expect(getEventListeners(signal, "abort").length).toBe(0);
  });
});

describe("an HTTP client's connections", () => {
  test("are used again, one after the other", async () => {
    let opened = 0;
    const counting = http.createServer((_, response) => response.end("ok"));
    counting.on("connection", () => opened++);
    const { port, close } = await listen(counting);
    for (let i = 0; i < 20; i++) await it.get(`http://127.0.0.1:${port}/`);
    expect(opened).toBe(1);
    close();
  });

  test("that the server reset meanwhile are replaced for a GET, once and unnoticed", async () => {
    await Promise.all([it.get("/close-after"), it.get("/close-after")]);
    const before = it.server.requests.length;
    expect(text((await it.get("/ok")).body)).toBe("ok");
    expect(it.server.requests.length).toBe(before + 1);
  });

  test("that the server reset meanwhile fail a POST, because nobody knows what the server did", async () => {
    await it.get("/close-after");
    const before = it.server.requests.length;
    expect((await failure(it.get("/ok", { method: "POST", body: [Buffer.from("x")] }))).reason).toBe("reset");
    expect(it.server.requests.length).toBe(before);
  });

  test("are replaced once, however often one of them fails", async () => {
    const opened: FailingRequest[] = [];
    const connector: Partial<Connector> = {
      proxyTo: () => undefined,
      open() {
        const request = new FailingRequest({ times: opened.length === 0 ? 2 : 1 });
        opened.push(request);
        return Promise.resolve(request);
      },
    };
    const interruption = new Interruption({ timeoutMs: 5000, signal: new AbortController().signal }, it.clock);
    const hop = {
      method: "GET",
      url: new URL("http://127.0.0.1/"),
      headers: {},
      body: undefined,
      maxBytes: 1,
    } as const;
    const { reason } = await failure(exchange(hop, { connector: connector as Connector, interruption }));
    interruption.release();
    expect(reason).toBe("reset");
    expect(opened.length).toBe(2);
  });

  test("are not tried again when a new one is reset", async () => {
    const before = it.server.requests.length;
    await failure(it.get("/reset-at-once"));
    expect(it.server.requests.length).toBe(before + 1);
  });

  test("on which the server answered without reading the whole request are closed", async () => {
    const accepted = Promise.withResolvers<net.Socket>();
    const hasty = net.createServer((socket) => {
      accepted.resolve(socket);
      socket.on("error", () => {});
      socket.once("data", () => {
        socket.pause();
        socket.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
      });
    });
    const { port, close } = await listen(hasty);
    const request = { method: "POST", body: [new Uint8Array(32 * 1024 ** 2)] } as const;
    expect((await it.get(`http://127.0.0.1:${port}/`, request)).status).toBe(413);
    const socket = await accepted.promise;
    await new Promise((resolve) => socket.once("close", resolve).resume());
    close();
  });

  test("idle ones close with the client, and a request in flight finishes", async () => {
    await Promise.all([it.get("/ok"), it.get("/ok")]);
    const inFlight = it.get("/ok");
    it.client.close();
    expect(text((await inFlight).body)).toBe("ok");
    await it.server.idle();
  });

  test("idle ones are bounded for one host and in all, and closed in time", async () => {
    const { server } = it;
    const pool = createConnectionPool((options) => new http.Agent(options), { perHost: 2, inAll: 3, forMs: 100 });
    const five = (hostname: string) =>
      Promise.all(
        Array.from({ length: 5 }, () => getOnce({ agent: pool.agent({ fresh: false }), hostname, port: server.port })),
      );
    await five("127.0.0.1");
    await until(() => server.connections() === 2);
    await five("localhost");
    await until(() => server.connections() === 3);
    await server.idle();
    pool.close();
  });
});

/** Meets a connection that was closed meanwhile, and says so several times. */
class FailingRequest extends EventEmitter implements OutgoingRequest {
  reusedSocket = true;
  readonly socket = new net.Socket();
  readonly writableFinished = true;
  readonly #times: number;

  constructor({ times }: { times: number }) {
    super();
    this.#times = times;
  }

  end(): void {
    this.emit("socket", this.socket);
    for (let i = 0; i < this.#times; i++) this.emit("error", Object.assign(new Error("reset"), { code: "ECONNRESET" }));
  }

  cork(): void {}
  write(): void {}
  destroy(): void {}
}

function getOnce(options: http.RequestOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get({ ...options, path: "/ok" }, (response) => response.resume().once("end", resolve));
    request.once("error", reject);
  });
}
