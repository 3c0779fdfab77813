import { describe, expect, test } from "bun:test";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { createHttpClient, type HttpArguments, type HttpClient, type HttpRequest } from "../../src/http/index.ts";
import { dialWithin } from "../../src/http/connection/dial-within.ts";
import type { TlsOptions } from "../../src/http/tls/tls-settings.ts";
import { failure, listen, text, until } from "./client-under-test.ts";
import { selfSigned } from "./self-signed.ts";
import { proxyAt } from "./tunnel-under-test.ts";

const trusting: HttpArguments = {
  tls_config: { ca_pem: selfSigned.cert, insecure_skip_verify: false, min_version: "TLS12" },
};
const trustingTls: TlsOptions = { ca: selfSigned.cert, rejectUnauthorized: true, minVersion: "TLSv1.2" };
const never = new AbortController().signal;

function get(client: HttpClient, url: string, options: Partial<HttpRequest> = {}) {
  return client.request({ method: "GET", url, maxBytes: 1000, timeoutMs: 10_000, signal: never, ...options });
}

describe("A connection that an HTTP client makes with TLS", () => {
  test("is given up with its request, where the handshake does not end", async () => {
    const sockets = new Set<net.Socket>();
    const silent = net.createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => sockets.delete(socket));
      socket.resume();
    });
    const { port, close } = await listen(silent);
    const client = createHttpClient({ args: { ...trusting, enable_http2: false } });
    const { reason } = await failure(get(client, `https://127.0.0.1:${port}/`, { timeoutMs: 100 }));
    expect(reason).toBe("timeout");
    await until(() => sockets.size === 0);
    client.close();
    close();
  });

  const ways: [way: string, scheme: string | undefined, message: string][] = [
    [
      "directly",
      undefined,
      'Cannot make a TLS connection to "localhost:PORT" within 100ms: connected, but the TLS handshake did not end; check that the port speaks TLS',
    ],
    [
      "through a proxy",
      "http",
      'Cannot connect to "localhost:PORT" through the proxy "127.0.0.1:PORT" within 100ms; check that host and proxy are up, and that no firewall blocks the port',
    ],
  ];
  test.each(ways)("%s, says that it was not made in time", async (_way, scheme, message) => {
    const { port, close } = await listen(net.createServer((socket) => void socket.on("error", () => {}).resume()));
    const proxy = scheme === undefined ? undefined : proxyAt(`${scheme}://127.0.0.1:${port}`);
    const way = { url: new URL(`https://localhost:${port}`), proxy, tls: trustingTls, signal: never };
    expect(await failure(dialWithin(way, 100))).toEqual({ reason: "timeout", message });
    close();
  });

  test("fails with a body that cannot be sent", async () => {
    const server = await listen(http2.createSecureServer({ ...selfSigned, allowHTTP1: true }, () => {}));
    for (const enable_http2 of [true, false]) {
      const client = createHttpClient({ args: { ...trusting, enable_http2 } });
      const request = { method: "POST", body: [7 as unknown as Uint8Array] } as const;
      expect((await failure(get(client, `https://localhost:${server.port}/`, request))).reason).toBe("protocol");
      client.close();
    }
    server.close();
  });

  test("goes on for the others that wait for it where one of them is canceled", async () => {
    const server = http2.createSecureServer({ ...selfSigned, allowHTTP1: true }, (_, response) => response.end("ok"));
    const { port, close } = await listen(server);
    const client = createHttpClient({ args: trusting });
    const controller = new AbortController();
    const url = `https://localhost:${port}/`;
    const canceled = failure(get(client, url, { signal: controller.signal }));
    const others = [get(client, url), get(client, url)];
    controller.abort();
    expect((await canceled).reason).toBe("canceled");
    expect((await Promise.all(others)).map(({ body }) => text(body))).toEqual(["ok", "ok"]);
    client.close();
    close();
  });

  test("serves the requests that wait for it when the client is closed", async () => {
    const server = http2.createSecureServer({ ...selfSigned, allowHTTP1: true }, (_, response) => response.end("ok"));
    const { port, close } = await listen(server);
    const client = createHttpClient({ args: trusting });
    const pending = get(client, `https://localhost:${port}/`);
    client.close();
    expect(text((await pending).body)).toBe("ok");
    close();
  });

  test("that fails behind a redirect is explained with the host that it leads to", async () => {
    const secure = await listen(http2.createSecureServer(selfSigned));
    const location = `https://localhost:${secure.port}/`;
    const plain = await listen(http.createServer((_, response) => response.writeHead(302, { location }).end()));
    const client = createHttpClient();
    const { message } = await failure(get(client, `http://127.0.0.1:${plain.port}/`));
    expect(message).toContain('Cannot make a TLS connection to "localhost:PORT": its certificate is self-signed');
    expect(message).toContain("ca_file");
    client.close();
    secure.close();
    plain.close();
  });
});
