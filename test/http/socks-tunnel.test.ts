import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { inspect } from "node:util";
import { FakeClock } from "../support/fake-clock.ts";
import { failure } from "./client-under-test.ts";
import {
  closeOpened,
  getOver,
  ownListeners,
  proxyAt,
  rawServer,
  refused,
  secured,
  socksServer,
  tunnel,
  webServer,
} from "./tunnel-under-test.ts";

afterEach(closeOpened);

describe("A tunnel by SOCKS 5", () => {
  test("carries http and TLS", async () => {
    const socks = await socksServer();
    const proxy = proxyAt(`socks5h://127.0.0.1:${socks.port}`);
    const [plainPort, securePort] = [await webServer(), await webServer(true)];
    expect(await getOver(await tunnel({ proxy, port: plainPort }), plainPort)).toBe("hello /x");
    const secure = await secured(await tunnel({ proxy, host: "localhost", port: securePort }));
    expect(await getOver(secure, securePort)).toBe("hello /x");
    expect(socks.targets).toEqual([`ipv4 127.0.0.1:${plainPort}`, `name localhost:${securePort}`]);
  });

  test("brings user name and password", async () => {
    const socks = await socksServer({ credentials: "usér:p:w" });
    const port = await webServer();
    const socket = await tunnel({ proxy: proxyAt(`socks5://us%C3%A9r:p%3Aw@127.0.0.1:${socks.port}`), port });
    expect(await getOver(socket, port)).toBe("hello /x");
  });

  test("leaves what came with the answer unread, and no listener", async () => {
    const socks = await socksServer({ early: "first words" });
    const socket = await tunnel({ proxy: proxyAt(`socks5://127.0.0.1:${socks.port}`), port: await webServer() });
    await new Promise((resolve) => setImmediate(resolve));
    expect(ownListeners(socket)).toEqual([]);
    expect(socket.readableFlowing).not.toBe(true);
    expect(String(await once(socket, "data"))).toBe("first words");
  });

  const replies: readonly (readonly [reply: number, why: string])[] = [
    [1, "it does not say why; check its log"],
    [2, "its rules do not allow it; check them"],
    [3, "the network is unreachable from there; check the address and the proxy's network"],
    [4, "the host is unreachable or unknown from there; check the address and the proxy's network"],
    [5, "connection refused; check that the process runs and listens there"],
    [6, "the host does not reply; check that it is up, and that no firewall blocks the port"],
    [7, "it makes no connections; check its configuration"],
    [8, "it does not take this kind of address; try a host name"],
    [99, "it does not say why; check its log"],
  ];
  test.each(replies)("that is answered with reply %d says what it means", async (reply, why) => {
    const socks = await socksServer({ reply });
    const pending = tunnel({ proxy: proxyAt(`socks5://127.0.0.1:${socks.port}`), port: 443 });
    expect(await failure(pending)).toEqual(refused(why));
  });

  const credentials: readonly (readonly [userinfo: string, why: string])[] = [
    ["user:hunter2@", "it does not accept the user name and password; check those in its URL"],
    ["", 'it asks for authentication; write user name and password in its URL, "user:password@" before the host'],
  ];
  test.each(credentials)("with the credentials %j is refused with what to do", async (userinfo, why) => {
    const socks = await socksServer({ credentials: "user:right" });
    const pending = tunnel({ proxy: proxyAt(`socks5://${userinfo}127.0.0.1:${socks.port}`), port: 443 });
    expect(await failure(pending)).toEqual(refused(why));
    expect(inspect(await pending.catch((thrown: unknown) => thrown))).not.toContain("hunter2");
  });

  test("through what is an HTTP server says so", async () => {
    const port = await rawServer((socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")));
    expect(await failure(tunnel({ proxy: proxyAt(`socks5://127.0.0.1:${port}`), port: 443 }))).toEqual({
      ...refused(
        'it does not answer in SOCKS 5 but begins with "HTTP/1.1 400 Bad Request"; check port and scheme of its URL',
      ),
      reason: "protocol",
    });
  });

  test("through what is another server is given up at its first byte", async () => {
    const port = await rawServer((socket) => socket.write("S"));
    const { reason, message } = await failure(tunnel({ proxy: proxyAt(`socks5://127.0.0.1:${port}`), port: 443 }));
    expect(reason).toBe("protocol");
    expect(message).toContain('it does not answer in SOCKS 5 but begins with "S"');
  });

  test("through what waits for more is given up soon", async () => {
    const clock = new FakeClock();
    const port = await rawServer((socket) => {
      socket.once("data", () => void clock.advance(5000));
    });
    const proxy = proxyAt(`socks5://127.0.0.1:${port}`);
    expect(await failure(tunnel({ proxy, port: 443, clock }))).toEqual({
      ...refused("it does not answer in SOCKS 5 within 5s; check port and scheme of its URL"),
      reason: "protocol",
    });
    expect(clock.pending).toBe(0);
  });

  test("has all the time it needs once it has answered", async () => {
    const clock = new FakeClock();
    const socks = await socksServer();
    const port = await webServer();
    const socket = await tunnel({ proxy: proxyAt(`socks5://127.0.0.1:${socks.port}`), port, clock });
    expect(clock.pending).toBe(0);
    expect(await getOver(socket, port)).toBe("hello /x");
  });

  test("to a name that no SOCKS field holds is refused here", async () => {
    const socks = await socksServer();
    const proxy = proxyAt(`socks5://127.0.0.1:${socks.port}`);
    const { reason, message } = await failure(tunnel({ proxy, host: `${"long.".repeat(60)}test`, port: 443 }));
    expect(reason).toBe("proxy");
    expect(message).toEndWith(": the host name is longer than the 255 bytes that SOCKS 5 can carry");
  });

  test("that is closed early blames the proxy", async () => {
    const port = await rawServer((socket) => socket.once("data", () => socket.end()));
    const { reason, message } = await failure(tunnel({ proxy: proxyAt(`socks5://127.0.0.1:${port}`), port: 443 }));
    expect(reason).toBe("reset");
    expect(message).toStartWith('No answer from the proxy "127.0.0.1:PORT": it closed the connection');
  });
});
