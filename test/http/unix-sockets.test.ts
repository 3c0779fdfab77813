import { afterAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createHttpClient, formatUnixUrl } from "../../src/http/index.ts";
import { clientUnderTest, failure, text } from "./client-under-test.ts";

const it = clientUnderTest();
const directory = mkdtempSync(join(tmpdir(), "unix-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;
if (isRoot) console.warn("Tests of a socket without permission are skipped: root may write to every file");

interface SocketServer extends Disposable {
  readonly path: string;
  /** What was asked: `GET /path localhost`. */
  readonly requests: readonly string[];
  readonly connections: number;
}

/** Answers everything with its own name. */
async function serve(name: string, answer?: http.RequestListener): Promise<SocketServer> {
  const path = join(directory, name);
  const requests: string[] = [];
  let connections = 0;
  const server = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.host}`);
    if (answer) answer(request, response);
    else request.resume().once("end", () => response.end(name));
  });
  server.on("connection", () => connections++);
  server.listen(path);
  await once(server, "listening");
  return {
    path,
    requests,
    get connections() {
      return connections;
    },
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

describe("an HTTP client on a unix socket", () => {
  test("sends path and query, with localhost for a host", async () => {
    using server = await serve("a b:1.sock");
    const url = formatUnixUrl(server.path, "/debug/pprof/heap?seconds=1");
    expect(text((await it.get(url)).body)).toBe("a b:1.sock");
    expect(text((await it.get(formatUnixUrl(server.path))).body)).toBe("a b:1.sock");
    expect(server.requests).toEqual(["GET /debug/pprof/heap?seconds=1 localhost", "GET / localhost"]);
  });

  test("posts a body", async () => {
    using server = await serve("post.sock", (request, response) => request.pipe(response));
    const body = [Buffer.from("one "), Buffer.from("two")];
    const response = await it.get(formatUnixUrl(server.path, "/push"), { method: "POST", body });
    expect(text(response.body)).toBe("one two");
  });

  test("keeps a connection to each socket, and never takes one for another", async () => {
    using one = await serve("one.sock");
    using two = await serve("two.sock");
    for (let round = 0; round < 3; round++)
      for (const { path } of [one, two])
        expect(text((await it.get(formatUnixUrl(path))).body)).toBe(path.slice(directory.length + 1));
    expect([one.connections, two.connections]).toEqual([1, 1]);
  });

  test("goes through no proxy", async () => {
    using server = await serve("proxy.sock");
    const client = createHttpClient({
      clock: it.clock,
      environment: { HTTP_PROXY: "http://127.0.0.1:1" },
      args: { proxy_from_environment: true },
    });
    const signal = new AbortController().signal;
    const { body } = await client.request({
      method: "GET",
      url: formatUnixUrl(server.path),
      maxBytes: 100,
      timeoutMs: 1000,
      signal,
    });
    expect(text(body)).toBe("proxy.sock");
    client.close();
  });

  test("follows a redirect on the socket, and takes no configured header off it", async () => {
    using server = await serve("redirect.sock", ({ url, headers }, response) => {
      if (url === "/end") response.end(headers["x-own"]);
      else response.writeHead(302, { Location: url === "/" ? "/next" : "http://localhost/end" }).end();
    });
    const headers = { "X-Own": "kept" };
    expect(text((await it.get(formatUnixUrl(server.path), { headers })).body)).toBe("kept");
    expect(server.requests).toHaveLength(3);
  });

  test("leaves the socket where a redirect names another host", async () => {
    using server = await serve("leave.sock", (_, response) => {
      response.writeHead(302, { Location: `${it.server.url}/ok` }).end();
    });
    expect(text((await it.get(formatUnixUrl(server.path))).body)).toBe("ok");
    expect(server.requests).toHaveLength(1);
  });

  test("leaves the socket where a redirect goes to https, which it never speaks", async () => {
    using server = await serve("https.sock", (_, response) => {
      response.writeHead(302, { Location: "https://localhost:1/" }).end();
    });
    expect(await failure(it.get(formatUnixUrl(server.path)))).toMatchObject({ reason: "refused" });
    expect(server.connections).toBe(1);
  });
});

describe("an HTTP client's error on a unix socket", () => {
  test("names the socket where there is none", async () => {
    const path = join(directory, "none.sock");
    expect(await failure(it.get(formatUnixUrl(path, "/p?q=1")))).toEqual({
      reason: "refused",
      message: `Cannot connect to "unix://${path}": there is no such socket; check its path, and that the process runs`,
    });
  });

  test("says what is at the path in place of a socket", async () => {
    const file = join(directory, "file.sock");
    writeFileSync(file, "");
    const table = [
      [file, "this is a file and no socket; check its path"],
      [directory, "this is a directory; name the socket in it"],
      [join(file, "app.sock"), "a part of its path is a file and no directory; check the path"],
    ] as const;
    for (const [path, why] of table)
      expect(await failure(it.get(formatUnixUrl(path)))).toEqual({
        reason: "refused",
        message: `Cannot connect to "unix://${path}": ${why}`,
      });
  });

  test.skipIf(isRoot)("says that the agent may not enter its directory", async () => {
    const closed = join(directory, "closed");
    mkdirSync(closed);
    chmodSync(closed, 0);
    expect(await failure(it.get(formatUnixUrl(join(closed, "app.sock"))))).toMatchObject({
      reason: "unreachable",
      message: expect.stringContaining("a directory on its path may not be entered"),
    });
    chmodSync(closed, 0o700);
  });

  test.skipIf(isRoot)("says that the agent may not write to it", async () => {
    using server = await serve("closed.sock");
    chmodSync(server.path, 0);
    expect(await failure(it.get(formatUnixUrl(server.path)))).toEqual({
      reason: "unreachable",
      message: `Cannot connect to "unix://${server.path}": permission denied; let the user that the agent runs as write to it`,
    });
  });

  test("names the socket of a process that hangs up", async () => {
    const path = join(directory, "hangup.sock");
    const server = net.createServer((socket) => socket.destroy()).listen(path);
    await once(server, "listening");
    const { reason, message } = await failure(it.get(formatUnixUrl(path)));
    expect([reason, message]).toEqual(["reset", expect.stringContaining(`"unix://${path}"`)]);
    server.close();
  });

  test("names the socket that sends too much or too slowly, and ends a loop", async () => {
    using server = await serve("bad.sock", ({ url }, response) => {
      if (url === "/large") response.end("x".repeat(2000));
      if (url === "/circle") response.writeHead(302, { Location: "/circle" }).end();
    });
    const named = `"unix://${server.path}"`;
    const large = await failure(it.get(formatUnixUrl(server.path, "/large"), { maxBytes: 1000 }));
    expect([large.reason, large.message]).toEqual(["too_large", expect.stringContaining(named)]);
    const circle = await failure(it.get(formatUnixUrl(server.path, "/circle")));
    expect(circle.reason).toBe("redirects");
    const slow = failure(it.get(formatUnixUrl(server.path, "/never"), { timeoutMs: 1000 }));
    while (server.requests.length < 3) await new Promise((resolve) => setImmediate(resolve));
    await it.clock.advance(1000);
    expect(await slow).toEqual({
      reason: "timeout",
      message: `No answer from ${named} within 1s: connected, but no response came`,
    });
  });
});
