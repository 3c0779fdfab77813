import { afterEach, describe, expect, test } from "bun:test";
import http from "node:http";
import { createConnection } from "node:net";
import { type Listener, loadRuntime, type Peer, type ServeOptions } from "../../src/runtime/index.ts";

const runtime = await loadRuntime();
const listeners: Listener[] = [];

async function serve(options: Partial<ServeOptions> = {}): Promise<Listener> {
  const listener = await runtime.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("ok"), ...options });
  listeners.push(listener);
  return listener;
}

afterEach(async () => {
  await Promise.all(listeners.splice(0).map((listener) => listener.stop()));
});

function get(port: number, options: http.RequestOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: "127.0.0.1", port, ...options }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.once("end", () => resolve(body));
      response.once("error", reject);
    });
    request.once("error", reject);
  });
}

describe("a listener", () => {
  test("answers with what its function returns, on the port it found", async () => {
    const { port } = await serve({ fetch: (request) => new Response(new URL(request.url).pathname) });
    expect(port).toBeGreaterThan(0);
    expect(await get(port, { path: "/page" })).toBe("/page");
  });

  test("listens on IPv6", async () => {
    const { port, hostname } = await serve({ hostname: "::1" });
    expect(hostname).toBe("::1");
    expect(await get(port, { host: "::1" })).toBe("ok");
  });

  test("tells from which address a request came", async () => {
    const echo = (_: Request, { remoteAddress }: Peer) => new Response(remoteAddress);
    const { port } = await serve({ hostname: "::", fetch: echo });
    expect(await get(port)).toBe("::ffff:127.0.0.1");
    expect(await get(port, { host: "::1" })).toBe("::1");
    expect(await get((await serve({ fetch: echo })).port)).toBe("127.0.0.1");
  });

  test.if(runtime.name === "bun")("refuses a body that it would have to hold in memory for nobody", async () => {
    const { port } = await serve();
    const response = await fetch(`http://127.0.0.1:${port}`, { method: "POST", body: new Uint8Array(100_000) });
    expect(response.status).toBe(413);
  });

  test("answers HTTP/1.0 without a Host", async () => {
    const { port } = await serve({ fetch: (request) => new Response(new URL(request.url).pathname) });
    const socket = createConnection(port, "127.0.0.1").setEncoding("utf8");
    socket.write("GET /-/ready HTTP/1.0\r\n\r\n");
    let answer = "";
    for await (const text of socket) answer += text as string;
    expect(answer).toEndWith("\r\n\r\n/-/ready");
  });

  test("stops without waiting for idle clients, and then refuses", async () => {
    const agent = new http.Agent({ keepAlive: true });
    // A drain that would outlast the test's own deadline.
    const listener = await serve({ drainMs: 60_000 });
    await get(listener.port, { agent });
    await listener.stop();
    expect(await get(listener.port).catch((thrown: NodeJS.ErrnoException) => thrown.code)).toBe("ECONNREFUSED");
    agent.destroy();
  });

  test("lets a request in flight finish before it stops", async () => {
    const begun = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    const listener = await serve({
      drainMs: 60_000,
      fetch: () => {
        begun.resolve();
        return answer.promise;
      },
    });
    const body = get(listener.port);
    await begun.promise;
    const stopped = listener.stop();
    answer.resolve(new Response("late"));
    expect(await body).toBe("late");
    await stopped;
  });

  test("stops in time although a request never ends", async () => {
    const begun = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    const listener = await serve({
      drainMs: 50,
      fetch: () => {
        begun.resolve();
        return answer.promise;
      },
    });
    const body = get(listener.port).catch(() => "cut");
    await begun.promise;
    await listener.stop();
    expect(await body).toBe("cut");
    answer.resolve(new Response("late"));
  });

  test("tells a request that its client has gone, and one that was answered nothing", async () => {
    const signals = new Map<string, AbortSignal>();
    const gone = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<Response>();
    const { port } = await serve({
      fetch: (request) => {
        const { pathname } = new URL(request.url);
        signals.set(pathname, request.signal);
        if (pathname === "/answered") return new Response("ok");
        request.signal.addEventListener("abort", () => gone.resolve());
        begun.resolve();
        return answer.promise;
      },
    });
    const { warn } = console;
    const warnings: unknown[] = [];
    // Deno's notice of signals that abort when all went well.
    console.warn = (text: unknown) => void warnings.push(text);
    try {
      await get(port, { path: "/answered" });
      const left = http.get({ host: "127.0.0.1", port, path: "/left" }).on("error", () => {});
      await begun.promise;
      left.destroy();
      await gone.promise;
    } finally {
      console.warn = warn;
      answer.resolve(new Response("late"));
    }
    expect(signals.get("/answered")?.aborted).toBe(false);
    expect(warnings).toEqual([]);
  });

  test("may be stopped twice", async () => {
    const listener = await serve();
    await Promise.all([listener.stop(), listener.stop()]);
    await listener.stop();
  });
});

describe("an address that cannot be listened on", () => {
  test("because another listens there names the address and what to do", async () => {
    const { port } = await serve({ hostname: "::1" });
    const error = await serve({ hostname: "::1", port }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      name: "ListenError",
      reason: "address_in_use",
      message: `Cannot listen on "[::1]:${port}": another process listens there; stop it or choose another port`,
    });
  });

  test("because no interface has it says so", async () => {
    // TEST-NET-3 of RFC 5737, which nobody has.
    expect(await serve({ hostname: "203.0.113.1", port: 1234 }).catch((thrown: unknown) => thrown)).toMatchObject({
      reason: "no_such_address",
      message: 'Cannot listen on "203.0.113.1:1234": no network interface of this machine has the address',
    });
  });
});
