import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Secret, systemClock } from "../../src/base/index.ts";
import { EtcdEngine } from "../../src/cluster/etcd.ts";
import { createEtcdClient, toBase64 } from "../../src/cluster/etcd-client.ts";
import type { HttpArguments } from "../../src/http/index.ts";
import { silentLogger } from "../../src/observability/index.ts";
import { eventually } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { EtcdServer, etcdProgram } from "./etcd-server.ts";

// A real etcd, whose leases are of whole seconds.
setDefaultTimeout(30_000);

const { signal } = new AbortController();

interface EngineUnderTest {
  readonly engine: EtcdEngine;
  readonly names: () => Promise<readonly string[]>;
}

interface EngineOptions {
  readonly prefix?: string;
  readonly ttlMs?: number;
  readonly http?: HttpArguments;
}

function engineOf(name: string, endpoints: readonly string[], options: EngineOptions = {}): EngineUnderTest {
  const { prefix = "/test", ttlMs = 10_000, http = {} } = options;
  const client = createEtcdClient({
    args: { endpoints, ...http },
    timeoutMs: 3000,
    clock: systemClock,
    log: silentLogger,
    userAgent: "pprof-agent/test",
  });
  const self = { name, instance: crypto.randomUUID(), url: `http://${name}:12345/`, startedMs: 1_700_000_000_000 };
  const engine = new EtcdEngine({ client, self, ttlMs, prefix });
  return { engine, names: async () => (await engine.members(signal)).map((member) => member.name).sort() };
}

describe.skipIf(etcdProgram === undefined)("Members in etcd", () => {
  let etcd: EtcdServer;
  beforeAll(async () => {
    etcd = await EtcdServer.start();
  });
  afterAll(() => etcd[Symbol.asyncDispose]());

  test("see each other, with what each told of itself, until one leaves", async () => {
    const [a, b] = [engineOf("a", [etcd.url]), engineOf("b", [etcd.url])];
    expect(await a.engine.renew(signal)).toBe("member");
    expect(await a.names()).toEqual(["a"]);
    expect(await b.engine.renew(signal)).toBe("member");
    expect(await a.engine.members(signal)).toContainEqual({
      name: "b",
      instance: expect.stringMatching(/^[0-9a-f-]{36}$/),
      url: "http://b:12345/",
      startedMs: 1_700_000_000_000,
    });
    expect(await a.names()).toEqual(["a", "b"]);
    await b.engine.leave(signal);
    expect(await a.names()).toEqual(["a"]);
    expect(await b.engine.renew(signal)).toBe("member");
    await b.engine.leave(signal);
    const c = engineOf("c", [etcd.url]);
    await c.engine.renew(signal);
    // One came and one went since the last look: their number is what it was.
    expect(await a.names()).toEqual(["a", "c"]);
    for (const { engine } of [a, c]) await engine.leave(signal);
    for (const { engine } of [a, b, c]) engine.close();
  });

  test("of another prefix are another cluster", async () => {
    const [one, other] = [engineOf("a", [etcd.url], { prefix: "/x" }), engineOf("b", [etcd.url], { prefix: "/x/y" })];
    await one.engine.renew(signal);
    await other.engine.renew(signal);
    expect([await one.names(), await other.names()]).toEqual([["a"], ["b"]]);
    for (const { engine } of [one, other]) engine.close();
  });

  test("that are not renewed go with their lease, and come back when they are", async () => {
    const options = { prefix: "/lapse", ttlMs: 2000 };
    const [a, b] = [engineOf("a", [etcd.url], options), engineOf("b", [etcd.url], options)];
    await b.engine.renew(signal);
    await eventually("b is gone", async () => {
      await a.engine.renew(signal);
      return (await a.names()).includes("b") ? undefined : true;
    });
    expect(await b.engine.renew(signal)).toBe("member");
    expect(await a.names()).toEqual(["a", "b"]);
    for (const { engine } of [a, b]) engine.close();
  });

  test("keep their name from others, until they have missed a renewal", async () => {
    const options = { prefix: "/names", ttlMs: 4000 };
    const [first, second] = [engineOf("a", [etcd.url], options), engineOf("a", [etcd.url], options)];
    await first.engine.renew(signal);
    expect(await second.engine.renew(signal)).toMatchObject({ heldBy: { url: "http://a:12345/" } });
    const startMs = performance.now();
    await eventually("it is given up", async () =>
      (await second.engine.renew(signal)) === "member" ? true : undefined,
    );
    // Half of the ttl, and not all of it.
    expect(performance.now() - startMs).toBeLessThan(3900);
    await first.engine.members(signal);
    expect(await first.engine.renew(signal)).toMatchObject({ heldBy: { name: "a" } });
    for (const { engine } of [first, second]) engine.close();
  });

  test("are told of at once while they are listened to", async () => {
    const options = { prefix: "/watch" };
    const [a, b] = [engineOf("a", [etcd.url], options), engineOf("b", [etcd.url], options)];
    let told = 0;
    const stop = new AbortController();
    const ended = a.engine.watch(() => (told += 1), stop.signal).catch(() => undefined);
    const heard = (times: number) => eventually(`told ${times} times`, () => (told >= times ? true : undefined), 2000);
    await heard(1);
    await b.engine.renew(signal);
    await heard(2);
    // Renewals are no change.
    await b.engine.renew(signal);
    await b.engine.leave(signal);
    await heard(3);
    expect(told).toBe(3);
    stop.abort();
    await ended;
    for (const { engine } of [a, b]) engine.close();
  });

  test("are reached over the next endpoint where one does not answer", async () => {
    const a = engineOf("a", [`http://127.0.0.1:${await freePort()}`, `${etcd.url}/`], { prefix: "/endpoints" });
    expect(await a.engine.renew(signal)).toBe("member");
    expect(await a.names()).toEqual(["a"]);
    a.engine.close();
  });

  test("notice that etcd has lost everything", async () => {
    const a = engineOf("a", [etcd.url], { prefix: "/lost" });
    await a.engine.renew(signal);
    expect(await a.names()).toEqual(["a"]);
    await etcd.restartEmpty();
    expect(await a.names()).toEqual([]);
    expect(await a.engine.renew(signal)).toBe("member");
    expect(await a.names()).toEqual(["a"]);
    a.engine.close();
  });
});

describe.skipIf(etcdProgram === undefined)("An etcd that authenticates", () => {
  let etcd: EtcdServer;
  const manage = async (path: string, body: unknown): Promise<void> => {
    const answer = await fetch(`${etcd.url}/v3/auth/${path}`, { method: "POST", body: JSON.stringify(body) });
    expect([path, answer.status]).toEqual([path, 200]);
  };
  beforeAll(async () => {
    etcd = await EtcdServer.start();
    await manage("user/add", { name: "root", password: "of-the-root" });
    await manage("role/add", { name: "root" });
    await manage("user/grant", { user: "root", role: "root" });
    await manage("role/add", { name: "agents" });
    const perm = { permType: "READWRITE", key: toBase64("/edge/"), range_end: toBase64("/edge0") };
    await manage("role/grant", { name: "agents", perm });
    await manage("user/add", { name: "edge", password: "of-the-edge" });
    await manage("user/grant", { user: "edge", role: "agents" });
    await manage("enable", {});
  });
  afterAll(() => etcd[Symbol.asyncDispose]());

  const userOf = (password: string) => ({ basic_auth: { username: "edge", password: new Secret(password) } });

  test("takes a user who may write below the prefix, also after it was started again", async () => {
    const a = engineOf("a", [etcd.url], { prefix: "/edge", http: userOf("of-the-edge") });
    expect(await a.engine.renew(signal)).toBe("member");
    expect(await a.names()).toEqual(["a"]);
    await etcd.stop();
    await etcd.start();
    expect(await a.engine.renew(signal)).toBe("member");
    expect(await a.names()).toEqual(["a"]);
    await a.engine.leave(signal);
    a.engine.close();
  });

  const refusals: readonly (readonly [string, HttpArguments, string, string])[] = [
    ["nobody", {}, "/edge", 'user name is empty"; it authenticates its users: set cluster.etcd.basic_auth'],
    [
      "a user with a wrong password",
      userOf("wrong"),
      "/edge",
      'authentication failed, invalid user ID or password"; correct cluster.etcd.basic_auth',
    ],
    [
      "a user without the right to write there",
      userOf("of-the-edge"),
      "/other",
      'permission denied"; check cluster.etcd.prefix, and let the user read and write below it',
    ],
  ];
  test.each(refusals)("says why it does not take %s", async (_, http, prefix, message) => {
    const { engine } = engineOf("a", [etcd.url], { prefix, http });
    const error = await engine.renew(signal).catch(String);
    expect(error).toContain(message);
    engine.close();
  });
});

describe("An answer that is not etcd's", () => {
  const forms: readonly (readonly [string, number, string, string])[] = [
    ["a page", 200, "<html>Welcome</html>", 'is not etcd\'s: "<html>Welcome</html>"; this is no etcd'],
    [
      "nothing at all",
      200,
      "",
      "is empty; this is no etcd that serves its JSON gateway: correct cluster.etcd.endpoints",
    ],
    ["JSON of another server", 200, '{"ID":"7"}', 'is not etcd\'s: "{"ID":"7"}"; this is no etcd'],
    [
      "an error of etcd",
      503,
      '{"error":"etcdserver: no leader","code":14}',
      'HTTP status 503 and "etcdserver: no leader"',
    ],
    [
      "an error of another server",
      404,
      "404 page not found",
      'HTTP status 404 and "404 page not found"; this is no etcd',
    ],
    ["one that cannot be posted to", 501, "<html>Unsupported method</html>", "this is no etcd"],
  ];
  test.each(forms)("is told: %s", async (_, status, body, message) => {
    const server = createServer((_request, response) => response.writeHead(status).end(body));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { engine } = engineOf("a", [`http://127.0.0.1:${(server.address() as AddressInfo).port}`]);
    const error = await engine.renew(signal).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(message);
    expect(String(error)).toContain("/v3/lease/grant");
    engine.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
