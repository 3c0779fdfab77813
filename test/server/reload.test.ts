import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import http from "node:http";
import { networkInterfaces } from "node:os";
import { createMetrics } from "../../src/observability/index.ts";
import { type Listener, loadRuntime } from "../../src/runtime/index.ts";
import { type AppOptions, type ConfigStatus, type ReloadResult } from "../../src/server/index.ts";
import { parseMetrics, sumOf } from "../support/parse-metrics.ts";
import { testApp } from "./app.ts";
import { nowMs } from "./snapshots.ts";

const inForce: ConfigStatus = { hash: "0123456789abcdef", generation: 2, loadedMs: nowMs, needsRestart: [] };

/** What the test in progress says; requests go over real sockets to one listener. */
let status: ConfigStatus;
let result: ReloadResult;
let token: (() => Promise<string | undefined>) | undefined;
let reloads: number;

beforeEach(() => {
  [status, result, token, reloads] = [inForce, { outcome: "applied" }, undefined, 0];
});

const metrics = createMetrics();
const listener = await listen("0.0.0.0");
afterAll(() => listener.stop());

async function listen(hostname: string): Promise<Listener> {
  const options: Partial<AppOptions> = {
    metrics,
    config: () => status,
    reload: async () => (reloads++, result),
    token: async () => token?.(),
  };
  const app = testApp([], options);
  return (await loadRuntime()).serve({ hostname, port: 0, fetch: (request, peer) => app.fetch(request, peer) });
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

interface Asked {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: http.OutgoingHttpHeaders;
}

function ask({ method = "POST", host = "127.0.0.1", headers = {} }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host, port: listener.port, path: "/-/reload", method, headers, agent: false };
    const request = http.request(options, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.once("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    request.once("error", reject).end();
  });
}

/** An address of this machine that is not loopback. */
const otherAddress = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

describe("POST /-/reload", () => {
  test("answers once the configuration is in force, as text and as JSON", async () => {
    status = { ...inForce, needsRestart: ["storage.path"] };
    const text = await ask();
    expect([text.status, text.body]).toEqual([
      200,
      "Reloaded: generation 2, sha256 0123456789abcdef\nstorage.path takes effect after a restart\n",
    ]);
    const json = await ask({ headers: { Accept: "application/json" } });
    expect(JSON.parse(json.body)).toEqual({
      sha256: "0123456789abcdef",
      generation: 2,
      loaded: new Date(nowMs).toISOString(),
      needs_restart: ["storage.path"],
    });
    expect(reloads).toBe(2);
  });

  test("answers 400 with every problem where the file is bad, as text and as JSON", async () => {
    const problems = [{ file: "agent.toml", line: 3, column: 1, key: "a.b.c", message: "wrong" }];
    result = { outcome: "refused", reason: "invalid", message: "agent.toml:3:1: a.b.c: wrong", problems };
    const text = await ask();
    expect([text.status, text.body]).toEqual([400, "agent.toml:3:1: a.b.c: wrong\n"]);
    const json = await ask({ headers: { Accept: "application/json" } });
    expect(json.status).toBe(400);
    expect(JSON.parse(json.body)).toEqual({ error: "agent.toml:3:1: a.b.c: wrong", reason: "invalid", problems });
  });

  test.each([
    ["rejected", 400],
    ["unreadable", 400],
    ["no_file", 409],
    ["internal", 500],
    ["stopping", 503],
  ] as const)("that ends as %s is a %d", async (reason, expected) => {
    result = { outcome: "refused", reason, message: "Why" };
    expect(await ask()).toMatchObject({ status: expected, body: "Why\n" });
  });
});

test.each(["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])(
  "%s /-/reload is 405, names POST, and changes nothing",
  async (method) => {
    const { status: code, headers, body } = await ask({ method });
    expect([code, headers.allow, reloads]).toEqual([405, "POST", 0]);
    if (method !== "HEAD") expect(body).toMatch(/curl -X POST http:\/\/\S+\/-\/reload\n/);
  },
);

describe("without a token, a request that changes something", () => {
  const here = (): string => `127.0.0.1:${listener.port}`;
  const taken: readonly (readonly [what: string, headers: () => http.OutgoingHttpHeaders])[] = [
    ["of curl", () => ({})],
    ["to localhost", () => ({ Host: `localhost:${listener.port}` })],
    ["to [::1]", () => ({ Host: `[::1]:${listener.port}` })],
    ["of the address bar", () => ({ "Sec-Fetch-Site": "none" })],
    ["of a page of the agent", () => ({ "Sec-Fetch-Site": "same-origin", Origin: `http://${here()}` })],
    ["with a token nobody asked for", () => ({ Authorization: "Bearer x" })],
  ];
  test.each(taken)("is taken: one %s", async (_, headers) => {
    expect(await ask({ headers: headers() })).toMatchObject({ status: 200 });
    expect(reloads).toBe(1);
  });

  const refused: readonly (readonly [reason: string, headers: http.OutgoingHttpHeaders, words: string])[] = [
    ["forwarded", { "X-Forwarded-For": "127.0.0.1" }, 'came through a proxy (header "x-forwarded-for")'],
    ["forwarded", { "X-Forwarded-Prefix": "/agent" }, 'header "x-forwarded-prefix"'],
    ["forwarded", { Forwarded: "for=127.0.0.1" }, 'header "forwarded"'],
    ["forwarded", { "X-Real-IP": "127.0.0.1" }, 'header "x-real-ip"'],
    ["forwarded", { Via: "1.1 proxy" }, 'header "via"'],
    ["foreign_host", { Host: "rebound.example" }, 'was sent to "rebound.example"; send it to 127.0.0.1 or localhost'],
    ["foreign_host", { Host: "10.0.0.1:12345" }, 'was sent to "10.0.0.1:12345"'],
    ["cross_site", { "Sec-Fetch-Site": "cross-site" }, 'a page of another site ("Sec-Fetch-Site: cross-site")'],
    ["cross_site", { "Sec-Fetch-Site": "same-site" }, "another site"],
    ["cross_site", { Origin: "https://evil.example" }, '("Origin: https://evil.example")'],
    ["cross_site", { Origin: "null" }, '("Origin: null")'],
    ["cross_site", { Origin: "http://localhost:1" }, '("Origin: http://localhost:1")'],
  ];
  test.each(refused)("is refused as %s, with %p", async (reason, headers, words) => {
    const before = await refusals(reason);
    const { status: code, body } = await ask({ headers });
    expect([code, reloads, await refusals(reason)]).toEqual([403, 0, before + 1]);
    expect(body).toContain(words);
    expect(body).toContain("set server.token");
  });

  test.skipIf(otherAddress === undefined)("is refused from an address that is not loopback", async () => {
    const { status: code, body } = await ask({ host: otherAddress as string, headers: { Host: "localhost" } });
    expect([code, reloads]).toEqual([403, 0]);
    expect(body).toContain(`this one came from "${otherAddress}"`);
  });

  test("is refused where nobody knows whence it came", async () => {
    const response = await testApp([]).get("/-/reload", { method: "POST" });
    expect(response.status).toBe(403);
  });
});

describe("with a token, a request that changes something", () => {
  beforeEach(() => {
    token = async () => "s3same";
  });

  test("is taken with it, wherever it comes from and through whatever", async () => {
    const headers = { Host: "agent.example", "X-Forwarded-For": "10.0.0.1", Authorization: "bearer s3same" };
    expect(await ask({ headers, host: otherAddress ?? "127.0.0.1" })).toMatchObject({ status: 200 });
  });

  test.each([
    ["no_token", {}],
    ["no_token", { Authorization: "Basic czNzYW1l" }],
    ["no_token", { Authorization: "s3same" }],
    ["wrong_token", { Authorization: "Bearer s3sam" }],
    ["wrong_token", { Authorization: "Bearer s3same2" }],
  ] as const)("is refused as %s on this machine too, with %p", async (reason, headers) => {
    const before = await refusals(reason);
    const answer = await ask({ headers });
    expect([answer.status, reloads, await refusals(reason)]).toEqual([401, 0, before + 1]);
    expect(answer.headers["www-authenticate"]).toBe('Bearer realm="pprof-agent"');
    expect(answer.body).not.toContain("s3same");
  });

  test("is refused while the token's file cannot be read", async () => {
    token = () => Promise.reject(new Error("secret path"));
    const { status: code, body } = await ask({ headers: { Authorization: "Bearer s3same" } });
    expect([code, reloads]).toEqual([503, 0]);
    expect(body).not.toContain("secret path");
  });
});

async function refusals(reason: string): Promise<number> {
  return sumOf(parseMetrics(await metrics.text()), { name: "agent_http_refused_requests_total", labels: { reason } });
}

test("/api/v0/status tells which configuration is in force, and why the last reload failed", async () => {
  const failure = { atMs: nowMs, message: "agent.toml:3:1: wrong" };
  const response = await testApp([], { config: () => ({ ...inForce, failure }) }).get("/api/v0/status");
  expect(await response.json()).toMatchObject({
    config: {
      sha256: "0123456789abcdef",
      generation: 2,
      loaded: new Date(nowMs).toISOString(),
      needs_restart: [],
      last_failure: { at: new Date(nowMs).toISOString(), message: "agent.toml:3:1: wrong" },
    },
  });
});

describe("the page", () => {
  const page = async (config: ConfigStatus): Promise<string> =>
    (await testApp([], { config: () => config }).get("/")).text();

  test("shows generation and age of the configuration, and no notice where all is well", async () => {
    const html = await page(inForce);
    expect(html).toContain("generation 2, loaded");
    expect(html).not.toContain("The last reload failed");
    expect(html).not.toContain("only after a restart");
  });

  test("shows why the last reload failed, escaped, and what waits for a restart", async () => {
    const failure = { atMs: nowMs, message: 'agent.toml:3:1: found "<b>"\nagent.toml:4:1: wrong' };
    const html = await page({ ...inForce, failure, needsRestart: ["storage.path"] });
    expect(html).toContain("The last reload failed");
    expect(html).toContain("found &quot;&lt;b&gt;&quot;");
    expect(html).toContain("agent.toml:4:1: wrong");
    expect(html).toContain("<code>storage.path</code>");
  });
});
