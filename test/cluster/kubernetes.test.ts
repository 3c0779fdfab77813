import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, Secret, systemClock } from "../../src/base/index.ts";
import { KubernetesEngine } from "../../src/cluster/kubernetes.ts";
import { openApiServer } from "../../src/cluster/api-server.ts";
import { createAuthority } from "../support/certificates.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog, type MemoryLog } from "../support/memory-log.ts";
import { FakeApiServer } from "./api-server.ts";

const { signal } = new AbortController();
const ttlMs = 10_000;

describe("Members as Leases of Kubernetes", () => {
  let server: FakeApiServer;
  let clock: FakeClock;
  let log: MemoryLog;
  const engines: KubernetesEngine[] = [];
  beforeEach(async () => {
    server = await FakeApiServer.start();
    clock = new FakeClock();
    server.nowMs = () => clock.now();
    log = createMemoryLog();
  });
  afterEach(async () => {
    for (const engine of engines.splice(0)) engine.close();
    await server[Symbol.asyncDispose]();
  });

  /** `aheadMs`: its machine's wall clock. */
  async function engineOf(name: string, { group = "pprof-agent", timeoutMs = 2000, aheadMs = 0 } = {}) {
    const ownClock: Clock = {
      now: () => clock.now() + aheadMs,
      monotonic: () => clock.monotonic(),
      uptime: () => clock.uptime(),
      after: (delayMs, callback) => clock.after(delayMs, callback),
    };
    const settings = { api_server: server.url, namespace: server.namespace, bearer_token: new Secret(server.token) };
    const opened = await openApiServer({
      settings,
      clientOptions: { clock: systemClock },
      timeoutMs,
      userAgent: "pprof-agent/test",
    });
    const self = { name, instance: crypto.randomUUID(), url: `http://${name}:12345/`, startedMs: 1_700_000_000_000 };
    const engine = new KubernetesEngine({ server: opened, group, self, ttlMs, clock: ownClock, log });
    engines.push(engine);
    return { engine, names: async () => (await engine.members(signal)).map((member) => member.name).sort() };
  }

  test("see each other, with what each told of itself, until one leaves", async () => {
    const [a, b] = [await engineOf("a"), await engineOf("b")];
    for (const { engine } of [a, b]) expect(await engine.renew(signal)).toBe("member");
    expect(await a.engine.members(signal)).toContainEqual({
      name: "b",
      instance: expect.stringMatching(/^[0-9a-f-]{36}$/),
      url: "http://b:12345/",
      startedMs: 1_700_000_000_000,
    });
    expect(server.leases.get("pprof-agent.a")).toMatchObject({
      metadata: { labels: { "pprof-agent/group": "pprof-agent" } },
      spec: { holderIdentity: "a", leaseDurationSeconds: 10 },
    });
    await b.engine.leave(signal);
    expect(await a.names()).toEqual(["a"]);
    expect([...server.leases.keys()]).toEqual(["pprof-agent.a"]);
  });

  test("of another group are another cluster", async () => {
    const [one, other] = [await engineOf("a"), await engineOf("b", { group: "shop" })];
    for (const { engine } of [one, other]) await engine.renew(signal);
    expect([await one.names(), await other.names()]).toEqual([["a"], ["b"]]);
  });

  test("that do not renew are members for a ttl, by the clock of who looks", async () => {
    const [a, b] = [await engineOf("a"), await engineOf("b")];
    for (const { engine } of [a, b]) await engine.renew(signal);
    await a.names();
    // The machine's clock is set, and nothing follows from that.
    clock.jumpWall(-600_000);
    await clock.advance(9000);
    await a.engine.renew(signal);
    expect(await a.names()).toEqual(["a", "b"]);
    await clock.advance(1000);
    expect(await a.names()).toEqual(["a"]);
    expect(await b.engine.renew(signal)).toBe("member");
    expect(await a.names()).toEqual(["a", "b"]);
  });

  test("keep their name from others, until they have missed a renewal", async () => {
    const [first, second] = [await engineOf("a"), await engineOf("a")];
    await first.engine.renew(signal);
    expect(await second.engine.renew(signal)).toMatchObject({ heldBy: { url: "http://a:12345/" } });
    await clock.advance(4000);
    await first.engine.renew(signal);
    await clock.advance(4000);
    expect(await second.engine.renew(signal)).toMatchObject({ heldBy: { name: "a" } });
    await clock.advance(5000);
    expect(await second.engine.renew(signal)).toBe("member");
    expect(await first.engine.renew(signal)).toMatchObject({ heldBy: { name: "a" } });
  });

  test("make their Lease anew where somebody deleted it", async () => {
    const a = await engineOf("a");
    await a.engine.renew(signal);
    server.leases.clear();
    expect(await a.names()).toEqual([]);
    expect(await a.engine.renew(signal)).toBe("member");
    expect(await a.names()).toEqual(["a"]);
  });

  test("that were killed long ago are no members from the start, and their Leases are deleted", async () => {
    const killed = await engineOf("killed");
    await killed.engine.renew(signal);
    await clock.advance(4_000_000);
    const a = await engineOf("a");
    await a.engine.renew(signal);
    expect(await a.names()).toEqual(["a"]);
    await clock.advance(4_000_000);
    await a.engine.renew(signal);
    await a.names();
    expect([...server.leases.keys()]).toEqual(["pprof-agent.a"]);
  });

  test("do not depend on what time their machines have", async () => {
    const twoHoursMs = 7_200_000;
    const [a, slow] = [await engineOf("a"), await engineOf("slow", { aheadMs: -twoHoursMs })];
    for (const { engine } of [a, slow]) await engine.renew(signal);
    await clock.advance(1000);
    const fast = await engineOf("fast", { aheadMs: twoHoursMs });
    expect(await fast.names()).toEqual(["a", "slow"]);
    for (const name of ["a", "slow"]) {
      const other = await engineOf(name, { aheadMs: twoHoursMs });
      expect(await other.engine.renew(signal)).toMatchObject({ heldBy: { name } });
    }
  });

  test("take back their name from a Lease of long ago once it has not changed for half of a ttl", async () => {
    const killed = await engineOf("a");
    await killed.engine.renew(signal);
    await clock.advance(4_000_000);
    const a = await engineOf("a");
    expect(await a.names()).toEqual([]);
    expect(await a.engine.renew(signal)).toMatchObject({ heldBy: { name: "a" } });
    await clock.advance(ttlMs / 2);
    expect(await a.engine.renew(signal)).toBe("member");
  });

  test("have names of objects that Kubernetes takes, whatever their own", async () => {
    const names = ["Edge_7", "edge-7", "-edge.", "x".repeat(200)];
    for (const name of names) expect(await (await engineOf(name)).engine.renew(signal)).toBe("member");
    expect(server.leases.size).toBe(4);
    const a = await engineOf("a");
    expect(await a.names()).toEqual(names.toSorted());
  });

  test("have names of objects that no other group and node name give", async () => {
    const pairs = [
      ["shop", "api-0"],
      ["shop-api", "0"],
      ["shop", "api.0"],
      ["shop.api", "0"],
    ] as const;
    for (const [group, name] of pairs)
      expect(await (await engineOf(name, { group })).engine.renew(signal)).toBe("member");
    expect(server.leases.size).toBe(pairs.length);
  });

  test("see each other although a leftover may not be deleted, and say so once", async () => {
    const killed = await engineOf("killed");
    await killed.engine.renew(signal);
    const a = await engineOf("a");
    await a.names();
    server.fault = "keeps";
    for (let hour = 0; hour < 4; hour++) {
      await clock.advance(4_000_000);
      await a.engine.renew(signal);
      expect(await a.names()).toEqual(["a"]);
      expect(await a.names()).toEqual(["a"]);
    }
    expect(log.messages("warn")).toEqual([
      "Could not delete the Lease of an agent that is gone; it is tried again later",
    ]);
    expect(server.requests.filter((request) => request.startsWith("DELETE")).length).toBeLessThanOrEqual(4);
  });

  test.each(["creates", "updates"])(
    "leave nothing behind where the server %s their Lease without their knowing",
    async (what) => {
      const a = await engineOf("a", { timeoutMs: 200 });
      if (what === "updates") await a.engine.renew(signal);
      server.fault = "writes_silently";
      await expect(a.engine.renew(signal)).rejects.toThrow("within 200ms");
      server.fault = "none";
      expect(server.leases.size).toBe(1);
      await a.engine.leave(signal);
      expect(server.leases.size).toBe(0);
    },
  );

  test("leave another's Lease of their name alone", async () => {
    const [first, second] = [await engineOf("a"), await engineOf("a")];
    await first.engine.renew(signal);
    expect(await second.engine.renew(signal)).toMatchObject({ heldBy: { name: "a" } });
    await second.engine.leave(signal);
    expect(server.leases.size).toBe(1);
  });

  const faults = [
    ["forbidden", "account needs get, list, create, update and delete on leases"],
    ["unavailable", 'HTTP status 503 and "apiserver is shutting down"'],
    ["hangs", "within 200ms"],
    ["foreign", "is empty; correct api_server or kubeconfig_file in [cluster.kubernetes]"],
  ] as const;
  test.each(faults)("tell of an API server that is %s", async (fault, message) => {
    const a = await engineOf("a", { timeoutMs: 200 });
    await a.engine.renew(signal);
    server.fault = fault;
    const errors = [a.engine.renew(signal), a.engine.members(signal)].map((call) => call.catch(String));
    for (const error of await Promise.all(errors)) expect(error).toContain(message);
    server.fault = "none";
    expect(await a.engine.renew(signal)).toBe("member");
  });
});

describe("The service account of a pod", () => {
  const shared = { clientOptions: { clock: systemClock }, timeoutMs: 2000, userAgent: "pprof-agent/test" };

  test("gives the API server's address and authority, the token and the namespace", async () => {
    const authority = createAuthority("kubernetes-ca");
    await using server = await FakeApiServer.start(authority.issue({ name: "kubernetes", hosts: ["127.0.0.1"] }));
    const directory = mkdtempSync(join(tmpdir(), "pprof-agent-account-"));
    const files = { token: `${server.token}\n`, namespace: server.namespace, "ca.crt": authority.cert };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
    const environment = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: new URL(server.url).port };
    const api = await openApiServer({ ...shared, settings: {}, pod: { environment, directory } });
    const path = `/apis/coordination.k8s.io/v1/namespaces/${api.namespace}/leases`;
    expect(await api.ask({ method: "GET", path, signal })).toMatchObject({ status: 200, json: { kind: "LeaseList" } });
    api.close();
    rmSync(directory, { recursive: true });
  });
});

describe("A kubeconfig", () => {
  test("is read again when its token is not taken any more", async () => {
    await using server = await FakeApiServer.start();
    const directory = mkdtempSync(join(tmpdir(), "pprof-agent-kubeconfig-"));
    const kubeconfig_file = join(directory, "config");
    const write = (token: string): void =>
      writeFileSync(
        kubeconfig_file,
        JSON.stringify({
          "current-context": "c",
          contexts: [{ name: "c", context: { cluster: "k", user: "u", namespace: server.namespace } }],
          clusters: [{ name: "k", cluster: { server: server.url } }],
          users: [{ name: "u", user: { token } }],
        }),
      );
    write(server.token);
    const shared = { clientOptions: { clock: systemClock }, timeoutMs: 2000, userAgent: "pprof-agent/test" };
    const api = await openApiServer({ ...shared, settings: { kubeconfig_file } });
    const look = {
      method: "GET",
      path: `/apis/coordination.k8s.io/v1/namespaces/${api.namespace}/leases`,
      signal,
    } as const;
    expect(await api.ask(look)).toMatchObject({ status: 200 });
    server.token = "the-next-one";
    expect(await api.ask(look)).toMatchObject({ status: 401 });
    expect(server.requests).toHaveLength(3);
    write(server.token);
    expect(await api.ask(look)).toMatchObject({ status: 200 });
    expect(await api.ask(look)).toMatchObject({ status: 200 });
    expect(server.requests).toHaveLength(6);
    api.close();
    rmSync(directory, { recursive: true });
  });
});
