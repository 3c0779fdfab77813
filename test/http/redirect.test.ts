import { describe, expect, test } from "bun:test";
import type { Hop } from "../../src/http/hop.ts";
import { createHttpClient } from "../../src/http/index.ts";
import { redirectedHop } from "../../src/http/redirect.ts";
import { startHostileServer } from "../support/hostile-server.ts";
import { clientUnderTest, failure, text } from "./client-under-test.ts";

const it = clientUnderTest();
const advice = "configure the final URL, or set follow_redirects = false to see the response";

describe("a redirect", () => {
  test.each([301, 302, 303, 307, 308])("with status %d is followed by a GET", async (status) => {
    expect(text((await it.get(`/redirect?status=${status}`)).body)).toBe("ok");
  });

  test.each([300, 304, 305])("is not what status %d means", async (status) => {
    expect((await it.get(`/redirect?status=${status}`)).status).toBe(status);
  });

  test("is returned where redirects are not to be followed", async () => {
    it.client = createHttpClient({ args: { follow_redirects: false } });
    const { status, headers } = await it.get("/redirect");
    expect([status, headers.location]).toEqual([302, "/ok"]);
  });

  test.each([307, 308])("with status %d sends a POST on, body included", async (status) => {
    const body = [Buffer.from("profile")];
    await it.get(`/redirect?status=${status}`, { method: "POST", body });
    const last = it.server.requests.at(-1);
    expect([last?.method, last?.path, last?.body.toString()]).toEqual(["POST", "/ok", "profile"]);
  });

  test.each([301, 302, 303])("with status %d fails a POST instead of turning it into a GET", async (status) => {
    const before = it.server.requests.length;
    const url = `/redirect?status=${status}&to=/ok%3Ftoken=secret`;
    const { reason, message } = await failure(it.get(url, { method: "POST", body: [] }));
    expect(reason).toBe("redirects");
    expect(message).toBe(
      `Cannot follow "127.0.0.1:PORT": it redirects with status ${status} to "http://127.0.0.1:PORT/ok", where a POST would become a GET; ${advice}`,
    );
    expect(it.server.requests.length).toBe(before + 1);
  });

  test("that comes round again is a loop", async () => {
    const before = it.server.requests.length;
    expect(await failure(it.get("/redirect-loop?token=secret"))).toEqual({
      reason: "redirects",
      message: `Cannot follow "127.0.0.1:PORT": it redirects in a loop, back to "http://127.0.0.1:PORT/redirect-loop-2"; ${advice}`,
    });
    expect(it.server.requests.length - before).toBeLessThan(5);
    await it.server.idle();
  });

  test("is followed ten times and no more", async () => {
    const before = it.server.requests.length;
    const { reason, message } = await failure(it.get("/redirect-on"));
    expect(reason).toBe("redirects");
    expect(message).toStartWith(`Cannot follow "127.0.0.1:PORT": it redirects more than 10 times, at last to `);
    expect(it.server.requests.length).toBe(before + 11);
  });

  test("to something that is no http URL is not followed, and its secrets are not shown", async () => {
    const { reason, message } = await failure(it.get("/redirect?to=ftp://ann:secret@files.example/x?token=secret"));
    expect(reason).toBe("redirects");
    expect(message).toBe(
      `Cannot follow "127.0.0.1:PORT": it redirects to "ftp://files.example/x", which is no http or https URL; ${advice}`,
    );
  });

  test("to another host and port carries no configured header and no credentials", async () => {
    const other = await startHostileServer();
    const headers = {
      Authorization: "Bearer secret",
      Cookie: "a=b",
      "X-Scope-OrgID": "squad-1",
      "User-Agent": "agent/1",
    };
    await it.get(`/redirect?to=${other.url}/ok`, { headers });
    const seen = other.requests[0]?.headers ?? {};
    expect(Object.keys(seen).filter((name) => !["host", "connection"].includes(name))).toEqual(["user-agent"]);
    it.client.close();
    await other.close();
  });
});

describe("the headers of a redirected request", () => {
  const moves: [from: string, to: string, kept: boolean][] = [
    ["http://a.example/x", "/y", true],
    ["http://a.example/x", "http://a.example:80/y", true],
    ["http://a.example/x", "https://a.example/x", true],
    ["http://a.example:6060/x", "https://a.example:6060/x", true],
    ["http://a.example:6060/x", "http://a.example:6061/x", false],
    ["https://a.example/x", "http://a.example/x", false],
    ["http://a.example/x", "http://b.a.example/x", false],
    ["http://a.example/x", "//b.example/x", false],
  ];
  test.each(moves)("from %s to %s: kept is %p", (from, to, kept) => {
    const hop: Hop = {
      method: "GET",
      url: new URL(from),
      headers: { authorization: "Bearer secret" },
      body: undefined,
      maxBytes: 1,
    };
    const next = redirectedHop(hop, { status: 302, headers: { location: to }, body: new Uint8Array() });
    expect(next?.headers).toEqual(kept ? hop.headers : {});
  });
});
