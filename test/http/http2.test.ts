import { spawn } from "node:child_process";
import { describe, expect, test } from "bun:test";
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { isDeno } from "../../src/runtime/index.ts";
import { createHttpClient, type HttpArguments, type HttpClient, type HttpRequest } from "../../src/http/index.ts";
import { failure, text, until } from "./client-under-test.ts";
import { startRawHttp2Server, type Treatment } from "./raw-http2-server.ts";
import { selfSigned } from "./self-signed.ts";

const trusting: HttpArguments = {
  tls_config: { ca_pem: selfSigned.cert, insecure_skip_verify: false, min_version: "TLS12" },
};

interface Server {
  readonly url: string;
  /** Connections accepted so far. */
  readonly connections: () => number;
  readonly server: http2.Http2SecureServer;
  /** Ends every connection as a server does that stops: GOAWAY, then the end. */
  readonly goAway: () => void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Answers with the protocol's version, the method and the length of the body; `/silent` never. */
async function startServer(options: { allowHTTP1?: boolean } = {}): Promise<Server> {
  const sessions = new Set<http2.ServerHttp2Session>();
  let connections = 0;
  const server = http2.createSecureServer({ ...selfSigned, allowHTTP1: true, ...options }, (request, response) => {
    if (request.url === "/silent") return;
    let bytes = 0;
    request.on("data", (chunk: Uint8Array) => (bytes += chunk.length));
    request.on("end", () => {
      if (request.url === "/large") response.end(Buffer.alloc(2_000_000));
      else if (request.url === "/error") response.writeHead(500).end("broken");
      else response.end(`${request.httpVersion} ${request.method} ${bytes}`);
    });
  });
  server.on("secureConnection", () => connections++);
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
    server,
    goAway: () => {
      for (const session of sessions) session.close();
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
    },
  };
}

function clientWith(args: HttpArguments = trusting): HttpClient & Disposable {
  const client = createHttpClient({ args });
  return { ...client, [Symbol.dispose]: () => client.close() };
}

const never = new AbortController().signal;

function get(client: HttpClient, url: string, options: Partial<HttpRequest> = {}) {
  return client.request({ method: "GET", url, maxBytes: 1_000_000, timeoutMs: 10_000, signal: never, ...options });
}

async function answer(client: HttpClient, url: string, options?: Partial<HttpRequest>): Promise<string> {
  return text((await get(client, url, options)).body);
}

describe("An HTTP client and HTTP/2", () => {
  test("speaks it with a server that offers it, all requests on one connection", async () => {
    await using server = await startServer();
    using client = clientWith();
    const body = [new Uint8Array(70_000), new Uint8Array(7)];
    expect(await answer(client, `${server.url}/`)).toBe("2.0 GET 0");
    expect(
      await Promise.all([answer(client, `${server.url}/`), answer(client, `${server.url}/`, { method: "POST", body })]),
    ).toEqual(["2.0 GET 0", "2.0 POST 70007"]);
    expect(server.connections()).toBe(1);
  });

  test("keeps to HTTP/1.1 where enable_http2 is false", async () => {
    await using server = await startServer();
    using client = clientWith({ ...trusting, enable_http2: false });
    expect(await answer(client, `${server.url}/`)).toBe("1.1 GET 0");
  });

  test("returns an error's status and words", async () => {
    await using server = await startServer();
    using client = clientWith();
    const { status, body } = await get(client, `${server.url}/error`);
    expect([status, text(body)]).toEqual([500, "broken"]);
  });

  test("stops reading a body above the limit", async () => {
    await using server = await startServer();
    using client = clientWith();
    expect((await failure(get(client, `${server.url}/large`))).reason).toBe("too_large");
    expect(await answer(client, `${server.url}/`)).toBe("2.0 GET 0");
  });

  test("takes another connection after an answer that did not come", async () => {
    await using server = await startServer();
    using client = clientWith();
    const { reason } = await failure(get(client, `${server.url}/silent`, { timeoutMs: 100 }));
    expect(reason).toBe("timeout");
    expect(await answer(client, `${server.url}/`)).toBe("2.0 GET 0");
    expect(server.connections()).toBe(2);
  });

  test("takes another connection after the server went away", async () => {
    await using server = await startServer();
    using client = clientWith();
    await answer(client, `${server.url}/`);
    server.goAway();
    await until(() => server.connections() === 1);
    // The first request may still meet the connection that is just ending.
    const { body } = await get(client, `${server.url}/`).catch(() => get(client, `${server.url}/`));
    expect(text(body)).toBe("2.0 GET 0");
    expect(server.connections()).toBe(2);
  });

  const requests: [method: "GET" | "POST", treatment: Treatment][] = [
    ["GET", "refuse"],
    ["GET", "goAway"],
    ["POST", "refuse"],
    ["POST", "goAway"],
  ];
  test.each(requests)("sends a %s once more that the server did nothing with: %s", async (method, treatment) => {
    const server = await startRawHttp2Server("ok", treatment);
    using client = clientWith();
    const request = { method, ...(method === "POST" && { body: [new Uint8Array(7)] }) };
    for (let i = 0; i < 2; i++) expect((await get(client, server.url, request)).status).toBe(200);
    expect(server.seen).toEqual([
      [1, "ok"],
      [1, treatment],
      [2, "ok"],
    ]);
    server.close();
  });

  test("sends a request no third time", async () => {
    const server = await startRawHttp2Server("refuse", "refuse");
    using client = clientWith();
    expect((await failure(get(client, server.url))).reason).toBe("reset");
    expect(server.seen.length).toBe(2);
    server.close();
  });

  test("wants nothing pushed, and no headers above the limit", async () => {
    const server = await startRawHttp2Server("headers");
    using client = clientWith();
    // Bun ends the connection before anybody sees them.
    expect(await failure(get(client, server.url))).toEqual(
      isDeno
        ? {
            reason: "too_large",
            message: 'The response headers from "localhost:PORT" are larger than the limit of 64KiB',
          }
        : { reason: "protocol", message: 'Cannot talk to "localhost:PORT": Protocol error' },
    );
    const [enablePush, maxHeaderListSize] = [2, 6];
    expect([enablePush, maxHeaderListSize].map((name) => server.settings.get(name))).toEqual([0, 65_536]);
    server.close();
  });

  test("lets a process end that has an idle connection", async () => {
    await using server = await startServer();
    const command = isDeno ? ["run", "-A", "--no-check"] : [];
    const script = join(import.meta.dirname, "one-request.ts");
    const child = spawn(process.execPath, [...command, script, `${server.url}/`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [printed, [code]] = await Promise.all([once(child.stdout, "data"), once(child, "exit")]);
    expect([String(printed), code]).toEqual(["2.0 GET 0\n", 0]);
  });

  test("does not remember that a server could not be reached", async () => {
    const gone = await startServer();
    const { url } = gone;
    await gone[Symbol.asyncDispose]();
    using client = clientWith();
    expect((await failure(get(client, `${url}/`))).reason).toBe("refused");
    expect((await failure(get(client, `${url}/`))).reason).toBe("refused");
  });
});
