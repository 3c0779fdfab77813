import { afterEach, describe, expect, test } from "bun:test";
import { getEventListeners, once } from "node:events";
import type { Socket } from "node:net";
import { Secret } from "../../src/base/index.ts";
import { freePort } from "../support/free-port.ts";
import { failure, until } from "./client-under-test.ts";
import {
  closeOpened,
  certificate,
  getOver,
  ownListeners,
  proxyAt,
  proxyServer,
  rawServer,
  refused,
  secured,
  socksServer,
  trusting,
  tunnel,
  webServer,
} from "./tunnel-under-test.ts";

afterEach(closeOpened);

describe("A tunnel by CONNECT", () => {
  test.each(["http", "https"])("through an %s proxy carries http and TLS", async (scheme) => {
    const proxy = await proxyServer(scheme === "https" ? { certificate } : {});
    const [plainPort, securePort] = [await webServer(), await webServer(true)];
    const plain = await tunnel({ proxy: proxyAt(proxy.url), port: plainPort });
    expect(await getOver(plain, plainPort)).toBe("hello /x");
    const secure = await secured(await tunnel({ proxy: proxyAt(proxy.url), host: "localhost", port: securePort }));
    expect(await getOver(secure, securePort)).toBe("hello /x");
    expect(proxy.requests.map(({ method, target }) => `${method} ${target}`)).toEqual([
      `CONNECT 127.0.0.1:${plainPort}`,
      `CONNECT localhost:${securePort}`,
    ]);
  });

  test("reaches an https proxy by its address, whatever name the target's certificate is checked for", async () => {
    const { url } = await proxyServer({ certificate });
    const port = await webServer();
    const socket = await tunnel({
      proxy: proxyAt(url.replace("localhost", "127.0.0.1")),
      port,
      tls: { ...trusting, servername: "target.test" },
    });
    expect(await getOver(socket, port)).toBe("hello /x");
  });

  test("sends Host, the credentials and the configured headers, and nothing else", async () => {
    const proxy = await proxyServer({ credentials: "us@er:p:w" });
    const port = await webServer();
    const proxy_connect_header = {
      "X-Site": [new Secret("7"), new Secret("8")],
      Host: [new Secret("other.test")],
      "proxy-authorization": [new Secret("Bearer x")],
    };
    const url = proxy.url.replace("//", "//us%40er:p%3Aw@");
    await tunnel({ proxy: proxyAt(url, { proxy_connect_header }), port });
    expect(proxy.requests[0]?.headers).toEqual({
      host: `127.0.0.1:${port}`,
      "proxy-authorization": `Basic ${Buffer.from("us@er:p:w").toString("base64")}`,
      "x-site": "7, 8",
    });
  });

  test("takes a configured Proxy-Authorization where the URL has no user", async () => {
    const proxy = await proxyServer();
    const proxy_connect_header = { "Proxy-Authorization": [new Secret("Bearer x")] };
    await tunnel({ proxy: proxyAt(proxy.url, { proxy_connect_header }), port: await webServer() });
    expect(proxy.requests[0]?.headers["proxy-authorization"]).toBe("Bearer x");
  });

  test("puts an IPv6 address in brackets", async () => {
    const proxy = await proxyServer({ answer: "HTTP/1.1 200 OK\r\n\r\n", keepsOpen: true });
    await tunnel({ proxy: proxyAt(proxy.url), host: "2001:db8::1", port: 443 });
    expect(proxy.requests[0]).toMatchObject({ target: "[2001:db8::1]:443", headers: { host: "[2001:db8::1]:443" } });
  });

  test("leaves what came behind the answer unread, and no listener", async () => {
    const answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfirst words";
    const proxy = await proxyServer({ answer, keepsOpen: true });
    const socket = await tunnel({ proxy: proxyAt(proxy.url), port: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    expect(ownListeners(socket)).toEqual([]);
    expect(socket.readableFlowing).not.toBe(true);
    expect(String(await once(socket, "data"))).toBe("first words");
  });

  test("takes an answer in pieces", async () => {
    const port = await rawServer((socket) => {
      const pieces = ["HT", "TP/1.1 2", "00 OK\r\nVia: 1.1 p\r", "\n\r", "\nrest"];
      const send = (): void => {
        const piece = pieces.shift();
        if (piece !== undefined) socket.write(piece, () => setImmediate(send));
      };
      socket.setNoDelay(true).once("data", send);
    });
    const socket = await tunnel({ proxy: proxyAt(`http://127.0.0.1:${port}`), port: 1 });
    expect(String(await once(socket, "data"))).toBe("rest");
  });
});

describe("A refused CONNECT", () => {
  const rows: readonly (readonly [answer: string, why: string])[] = [
    [
      "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n\r\n",
      'it asks for a user name and password (407 Proxy Authentication Required); write them in its URL, "user:password@" before the host',
    ],
    [
      "HTTP/1.1 407 Auth\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM abc\r\n\r\n",
      "it asks for authentication by Negotiate, NTLM (407 Auth), and the agent can do Basic only",
    ],
    [
      "HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n<html>",
      'it refuses with 403 Forbidden, "ERR_ACCESS_DENIED 0"; check that it allows CONNECT to this host and port',
    ],
    [
      "HTTP/1.0 403 Filtered\r\nServer: p\r\n\r\n<html><head><title>403 Filtered by\nrule</title></head>",
      'it refuses with 403 Filtered, "403 Filtered by rule"; check that it allows CONNECT to this host and port',
    ],
    [
      "HTTP/1.1 405 Method Not Allowed\r\n\r\n",
      "it refuses with 405 Method Not Allowed; check that it allows CONNECT to this host and port",
    ],
    [
      "HTTP/1.1 502 Bad Gateway\r\n\r\ndial tcp: no such host\n",
      'it answers 502 Bad Gateway, "dial tcp: no such host"; check that it can reach this host and port',
    ],
    [
      "HTTP/1.1 503 Service Unavailable\r\nProxy-Status: p; error=connection_refused\r\n\r\n",
      'it answers 503 Service Unavailable, "p;\u00a0error=connection_refused"; check that it can reach this host and port',
    ],
  ];
  test.each(rows)("%j says why", async (answer, why) => {
    const proxy = await proxyServer({ answer, keepsOpen: true });
    expect(await failure(tunnel({ proxy: proxyAt(proxy.url), port: 443 }))).toEqual(refused(why));
    await until(() => proxy.connections() === 0);
  });

  test("with credentials that a proxy answers with 403 may be about them", async () => {
    const proxy = await proxyServer({ answer: "HTTP/1.1 403 Forbidden\r\n\r\n" });
    const url = proxy.url.replace("//", "//user:hunter2@");
    expect(await failure(tunnel({ proxy: proxyAt(url), port: 443 }))).toEqual(
      refused(
        "it refuses with 403 Forbidden; check user name and password in its URL, and that it allows CONNECT to this host and port",
      ),
    );
  });

  test("says that the credentials were wrong, and not which", async () => {
    const proxy = await proxyServer({ credentials: "user:right" });
    const url = proxy.url.replace("//", "//user:hunter2@");
    expect(await failure(tunnel({ proxy: proxyAt(url), port: 443 }))).toEqual(
      refused(
        "it does not accept the user name and password (407 Proxy Authentication Required); check those in its URL",
      ),
    );
  });
});

describe("A proxy that is none", () => {
  const rows: readonly (readonly [name: string, start: string, reason: string, message: string])[] = [
    [
      "a banner",
      "SSH-2.0-OpenSSH_9.2\r\n",
      "protocol",
      'The answer from the proxy "127.0.0.1:PORT" is not HTTP but begins with "SSH-2.0-OpenSSH_9.2"; check port and scheme of its URL',
    ],
    [
      "a TLS alert",
      "\u0015\u0003\u0001\u0000\u0002\u0002\u0046",
      "protocol",
      'Cannot talk plain http to the proxy "127.0.0.1:PORT": it speaks TLS; set the scheme of its URL to https',
    ],
    [
      "endless headers",
      `HTTP/1.1 200 OK\r\nX-Padding: ${"x".repeat(70_000)}`,
      "too_large",
      'The response headers from the proxy "127.0.0.1:PORT" are larger than the limit of 64KiB',
    ],
  ];
  test.each(rows)("is told by %s, though the connection stays open", async (_name, start, reason, message) => {
    const port = await rawServer((socket) => socket.once("data", () => socket.write(start, "latin1")));
    const proxy = proxyAt(`http://127.0.0.1:${port}`);
    expect(await failure(tunnel({ proxy, port: 443 }))).toEqual({ reason, message });
  });

  const hangUps: readonly (readonly [name: string, hangUp: (socket: Socket) => void])[] = [
    ["closes the connection", (socket) => void socket.end()],
    ["closes the connection in the middle of its answer", (socket) => void socket.end("HTTP/1.1 200 OK\r\n")],
    ["resets the connection", (socket) => void socket.resetAndDestroy()],
  ];
  test.each(hangUps)("and %s is the one to blame", async (_name, hangUp) => {
    const port = await rawServer((socket) => socket.once("data", () => hangUp(socket)));
    const { reason, message } = await failure(tunnel({ proxy: proxyAt(`http://127.0.0.1:${port}`), port: 443 }));
    expect(reason).toBe("reset");
    expect(message).toStartWith('No answer from the proxy "127.0.0.1:PORT": it closed the connection');
  });
});

describe("A proxy that cannot be reached", () => {
  test.each(["http", "https", "socks5"])("by %s is the one to blame for a refused connection", async (scheme) => {
    const proxy = proxyAt(`${scheme}://user:hunter2@127.0.0.1:${await freePort()}`);
    const { reason, message } = await failure(tunnel({ proxy, port: 443 }));
    expect(reason).toBe("refused");
    expect(message).toStartWith('Cannot connect to the proxy "127.0.0.1:PORT": connection refused');
    expect(message).not.toContain("hunter2");
  });

  test.each(["http://", "https://", "socks5://"])(
    "because its name is unknown is told by its port, %s",
    async (scheme) => {
      const { reason, message } = await failure(tunnel({ proxy: proxyAt(`${scheme}nobody.invalid`), port: 443 }));
      expect(reason).toBe("dns");
      // Four digits are a port that the helper hides.
      const port = { "http://": 80, "https://": 443, "socks5://": "PORT" }[scheme];
      expect(message).toStartWith(`Cannot find the proxy "nobody.invalid:${port}": `);
    },
  );

  test("because nobody trusts its certificate says so", async () => {
    const { url } = await proxyServer({ certificate });
    const { reason, message } = await failure(
      tunnel({ proxy: proxyAt(url), port: 443, tls: { rejectUnauthorized: true, minVersion: "TLSv1.2" } }),
    );
    expect(reason).toBe("tls");
    expect(message).toStartWith('Cannot make a TLS connection to the proxy "localhost:PORT": ');
  });

  test("over TLS because it speaks plain http says so", async () => {
    const port = await rawServer((socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    const { reason, message } = await failure(tunnel({ proxy: proxyAt(`https://localhost:${port}`), port: 443 }));
    expect(reason).toBe("tls");
    expect(message).toStartWith('Cannot make a TLS connection to the proxy "localhost:PORT": it does not speak TLS');
  });
});

describe("The signal of a tunnel", () => {
  const silent: readonly (readonly [scheme: string, when: string])[] = [
    ["http", "the answer"],
    ["https", "the TLS handshake"],
    ["socks5", "the negotiation"],
  ];
  test.each(silent)("gives up an %s proxy during %s, and its connection", async (scheme) => {
    const controller = new AbortController();
    let connections = 0;
    let heard = false;
    const port = await rawServer((socket) => {
      connections++;
      socket.once("data", () => (heard = true)).once("close", () => connections--);
    });
    const proxy = proxyAt(`${scheme}://127.0.0.1:${port}`);
    const pending = failure(tunnel({ proxy, port: 443, signal: controller.signal }));
    await until(() => heard);
    controller.abort();
    expect(await pending).toEqual({
      reason: "canceled",
      message: 'Canceled the connection through the proxy "127.0.0.1:PORT"',
    });
    await until(() => connections === 0);
  });

  test("gives up while connecting", async () => {
    const controller = new AbortController();
    const port = await rawServer(() => {});
    const pending = failure(
      tunnel({ proxy: proxyAt(`http://127.0.0.1:${port}`), port: 443, signal: controller.signal }),
    );
    controller.abort();
    expect((await pending).reason).toBe("canceled");
  });

  test("that is aborted already connects to nobody", async () => {
    const proxy = await proxyServer();
    const pending = tunnel({ proxy: proxyAt(proxy.url), port: 443, signal: AbortSignal.abort() });
    expect((await failure(pending)).reason).toBe("canceled");
    expect(proxy.connections()).toBe(0);
  });

  test("keeps no listener, however a tunnel ends", async () => {
    const { signal } = new AbortController();
    const [proxy, refusing, socks] = [
      await proxyServer(),
      await proxyServer({ credentials: "a:b" }),
      await socksServer(),
    ];
    const port = await webServer();
    const urls = [proxy.url, refusing.url, `socks5://127.0.0.1:${socks.port}`, "http://127.0.0.1:1"];
    for (const url of urls) await tunnel({ proxy: proxyAt(url), port, signal }).catch(() => {});
    expect(getEventListeners(signal, "abort").length).toBe(0);
  });

  test("has no say any more once the tunnel is open", async () => {
    const controller = new AbortController();
    const proxy = await proxyServer();
    const port = await webServer();
    const socket = await tunnel({ proxy: proxyAt(proxy.url), port, signal: controller.signal });
    controller.abort();
    expect(await getOver(socket, port)).toBe("hello /x");
  });
});
