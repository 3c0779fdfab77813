import { describe, expect, test } from "bun:test";
import http from "node:http";
import net from "node:net";
import { clientUnderTest, failure, listen, text, until } from "./client-under-test.ts";

const it = clientUnderTest();

describe("an HTTP client's response", () => {
  const answers: [path: string, status: number, body: string][] = [
    ["/ok", 200, "ok"],
    ["/ok-chunked", 200, "ok"],
    ["/empty", 200, ""],
    ["/404", 404, "404 page not found\n"],
    ["/cpu-busy", 500, "Could not enable CPU profiling: cpu profiling already in use\n"],
    ["/html", 200, "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in</body></html>"],
  ];
  test.each(answers)("to %s is %d with the body as it came", async (path, status, body) => {
    const response = await it.get(path);
    expect(response.status).toBe(status);
    expect(text(response.body)).toBe(body);
  });

  test("has lower-case header names", async () => {
    expect((await it.get("/html")).headers["content-type"]).toBe("text/html; charset=utf-8");
  });

  test("joins repeated headers with a comma", async () => {
    const repeating = http.createServer((_, response) => {
      response.setHeader("Set-Cookie", ["a=1", "b=2"]);
      response.setHeader("X-Many", ["1", "2"]);
      response.end();
    });
    const { port, close } = await listen(repeating);
    const { headers } = await it.get(`http://127.0.0.1:${port}/`);
    expect([headers["set-cookie"], headers["x-many"]]).toEqual(["a=1, b=2", "1, 2"]);
    it.client.close();
    close();
  });

  test("may have headers of 40 KB", async () => {
    const padded = http.createServer((_, response) => {
      for (let i = 0; i < 40; i++) response.setHeader(`X-Padding-${i}`, "x".repeat(1000));
      response.end("ok");
    });
    const { port, close } = await listen(padded);
    expect(text((await it.get(`http://127.0.0.1:${port}/`)).body)).toBe("ok");
    it.client.close();
    close();
  });

  test("keeps a gzip body gzipped", async () => {
    expect([...(await it.get("/wrong-wire-types")).body.subarray(0, 2)]).toEqual([0x1f, 0x8b]);
  });

  test("of an error is cut at 2 KiB, and the endless rest is not read", async () => {
    const { status, body } = await it.get("/endless-error");
    expect([status, body.length]).toEqual([500, 2048]);
    it.client.close();
    await it.server.idle();
  });

  test("may be exactly as long as the limit", async () => {
    expect((await it.get("/ok", { maxBytes: 2 })).body.length).toBe(2);
    expect((await it.get("/ok-chunked", { maxBytes: 2 })).body.length).toBe(2);
  });
});

describe("an HTTP client's request", () => {
  test("carries the parts of its body as one, with their joint length", async () => {
    const body = [Buffer.from("one "), Buffer.from("profile")];
    await it.get("/ok?x=1", { method: "POST", body, headers: { "X-Scope-OrgID": "squad-1" } });
    const seen = it.server.requests.at(-1);
    expect(seen?.method).toBe("POST");
    expect(seen?.query.get("x")).toBe("1");
    expect(seen?.headers["content-length"]).toBe("11");
    expect(seen?.headers["x-scope-orgid"]).toBe("squad-1");
    expect(seen?.headers.host).toBe(it.server.address);
    expect(seen?.body.toString()).toBe("one profile");
  });

  test("turns userinfo into basic authorization", async () => {
    await it.get(`http://ann:p%40ss@${it.server.address}/ok`);
    expect(it.server.requests.at(-1)?.headers.authorization).toBe(`Basic ${btoa("ann:p@ss")}`);
  });

  test("reaches an IPv6 address", async () => {
    const v6 = http.createServer((request, response) => response.end(request.headers.host));
    const { port, close } = await listen(v6, "::1");
    expect(text((await it.get(`http://[::1]:${port}/`)).body)).toBe(`[::1]:${port}`);
    it.client.close();
    close();
  });
});

describe("an HTTP client's failure", () => {
  const failures: [path: string, reason: string, message: string][] = [
    [
      "/reset-at-once",
      "reset",
      'No answer from "127.0.0.1:PORT": it closed the connection; check whether the process restarted, or the port speaks https',
    ],
    [
      "/close-at-once",
      "reset",
      'No answer from "127.0.0.1:PORT": it closed the connection; check whether the process restarted, or the port speaks https',
    ],
    ["/reset", "reset", 'Lost the connection to "127.0.0.1:PORT" after 500 bytes of the body'],
    ["/cut", "truncated", 'The body from "127.0.0.1:PORT" ended early: 500 bytes came, 1000 were announced'],
    [
      "/cut-chunked",
      "truncated",
      'The body from "127.0.0.1:PORT" ended early: 500 bytes came, its last chunk was missing',
    ],
    ["/endless", "too_large", 'The body from "127.0.0.1:PORT" is larger than the limit of 976.6KiB'],
    ["/gzip-bomb", "too_large", 'The body from "127.0.0.1:PORT" is larger than the limit of 976.6KiB'],
    [
      "/garbage",
      "protocol",
      'The answer from "127.0.0.1:PORT" is not HTTP but begins with "SSH-2.0-OpenSSH_9.2p1 this is not HTTP"; check that this is the right port',
    ],
    ["/huge-headers", "too_large", 'The response headers from "127.0.0.1:PORT" are larger than the limit of 64KiB'],
  ];
  test.each(failures)("at %s is %s", async (path, reason, message) => {
    const failed = await failure(it.get(path));
    expect(failed.reason).toBe(reason);
    expect(failed.message).toBe(message);
    await it.server.idle();
  });

  test.each(["Connection: upgrade\r\nUpgrade: other\r\n", ""])(
    "of an answer in another protocol does not wait for the deadline: %j",
    async (headers) => {
      let open = 0;
      const switching = net.createServer((socket) => {
        open++;
        socket.on("error", () => {}).once("close", () => open--);
        socket.once("data", () => socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`));
      });
      const { port, close } = await listen(switching);
      expect(await failure(it.get(`http://127.0.0.1:${port}/`))).toEqual({
        reason: "protocol",
        message:
          'The answer from "127.0.0.1:PORT" is 101 Switching Protocols, for which nobody asked; check that this is the right port',
      });
      await until(() => open === 0);
      close();
    },
  );

  test("of a port where nobody listens is refused", async () => {
    const { port, close } = await listen(net.createServer());
    close();
    expect(await failure(it.get(`http://ann:secret@127.0.0.1:${port}/?token=secret`))).toEqual({
      reason: "refused",
      message: 'Cannot connect to "127.0.0.1:PORT": connection refused; check that the process runs and listens there',
    });
  });

  test("of a name that does not exist is dns", async () => {
    const { reason, message } = await failure(it.get("http://no-such-host.invalid/"));
    expect(reason).toBe("dns");
    expect(message).toStartWith('Cannot find "no-such-host.invalid:80": ');
  });

  test.each(["ftp://127.0.0.1/", "http://ann:secret@/", "127.0.0.1:80", "http://127.0.0.1:99999/"])(
    "of %s says that it is no http URL, and shows nothing of it",
    async (url) => {
      const { reason, message } = await failure(it.get(url));
      expect(reason).toBe("protocol");
      expect(message).toBe(
        "Cannot send a request: its URL is not an http, https or unix URL; check address and scheme",
      );
    },
  );

  test("of a header that HTTP does not allow names the header and not its value", async () => {
    const { reason, message } = await failure(it.get("/ok", { headers: { "X-Key": "se\ncret" } }));
    expect(reason).toBe("protocol");
    expect(message).toContain("x-key");
    expect(message).not.toContain("cret");
  });
});
