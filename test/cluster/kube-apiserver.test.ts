import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { systemClock } from "../../src/base/index.ts";
import { openApiServer } from "../../src/cluster/api-server.ts";
import { KubernetesEngine } from "../../src/cluster/kubernetes.ts";
import { KubeApiserver, hasKubeApiserver } from "../kubernetes/kube-apiserver.ts";
import { createMemoryLog } from "../support/memory-log.ts";

// It takes its time to start.
setDefaultTimeout(120_000);

const { signal } = new AbortController();
const ttlMs = 4000;
const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";

describe.skipIf(!hasKubeApiserver)("Members as Leases of a real kube-apiserver", () => {
  let server: KubeApiserver;
  const engines: KubernetesEngine[] = [];
  beforeAll(async () => {
    server = await KubeApiserver.start();
  });
  afterAll(async () => {
    for (const engine of engines) engine.close();
    await server[Symbol.asyncDispose]();
  });

  function open() {
    const { hostname, port } = new URL(server.url);
    const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
    return openApiServer({
      settings: {},
      pod: { environment, directory: server.accountDirectory },
      clientOptions: { clock: systemClock },
      timeoutMs: 5000,
      userAgent: "pprof-agent/test",
    });
  }

  async function engineOf(name: string) {
    const self = { name, instance: crypto.randomUUID(), url: `http://${name}:12345/`, startedMs: 1_700_000_000_000 };
    const engine = new KubernetesEngine({
      server: await open(),
      group: "test",
      self,
      ttlMs,
      clock: systemClock,
      log: createMemoryLog(),
    });
    engines.push(engine);
    return { engine, names: async () => (await engine.members(signal)).map((member) => member.name).sort() };
  }

  test("need the rights that docs/clustering.md gives, and no more", async () => {
    const a = await engineOf("a");
    const refused = await a.engine.renew(signal).catch(String);
    expect(refused).toContain("the account needs get, list, create, update and delete on leases");
    const apiVersion = "rbac.authorization.k8s.io/v1";
    const verbs = ["get", "list", "create", "update", "delete"];
    const rules = [{ apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs }];
    await server.api.create(`${rbac}/roles`, { apiVersion, kind: "Role", metadata: { name: "pprof-agent" }, rules });
    await server.api.create(`${rbac}/rolebindings`, {
      apiVersion,
      kind: "RoleBinding",
      metadata: { name: "pprof-agent" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "pprof-agent" },
      subjects: [{ kind: "User", name: "agent", apiGroup: "rbac.authorization.k8s.io" }],
    });
    expect(await a.engine.renew(signal)).toBe("member");
    await a.engine.leave(signal);
  });

  test("are dated at every renewal by the clock that dates its answers", async () => {
    const a = await engineOf("a");
    const api = await open();
    const datesOf = async () => {
      await a.engine.renew(signal);
      const { json, response } = await api.ask({ method: "GET", path: `${leases}/test.a`, signal });
      const { managedFields } = (json as { metadata: { managedFields: readonly { time: string }[] } }).metadata;
      expect(managedFields).toHaveLength(1);
      return [Date.parse(managedFields[0]?.time ?? ""), Date.parse(response.headers.date ?? "")] as const;
    };
    const [first, answered] = await datesOf();
    expect(answered - first).toBeWithin(0, 2000);
    // Whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await datesOf())[0]).toBeGreaterThan(first);
    await a.engine.leave(signal);
    api.close();
  });

  test("see each other until one leaves, and come back where somebody deleted their Lease", async () => {
    const [a, b] = [await engineOf("Edge_A"), await engineOf("b")];
    for (const { engine } of [a, b]) expect(await engine.renew(signal)).toBe("member");
    expect(await a.engine.members(signal)).toContainEqual({
      name: "b",
      instance: expect.stringMatching(/^[0-9a-f-]{36}$/),
      url: "http://b:12345/",
      startedMs: 1_700_000_000_000,
    });
    await b.engine.leave(signal);
    expect(await a.names()).toEqual(["Edge_A"]);
    expect(await b.engine.renew(signal)).toBe("member");
    await server.api.delete(`${leases}/test.b`);
    expect(await b.names()).toEqual(["Edge_A"]);
    expect(await b.engine.renew(signal)).toBe("member");
    expect(await a.names()).toEqual(["Edge_A", "b"]);
    for (const { engine } of [a, b]) await engine.leave(signal);
  });

  test("keep their name from others, until they have missed a renewal, and go when they are not renewed", async () => {
    const [first, second, other] = [await engineOf("a"), await engineOf("a"), await engineOf("other")];
    await first.engine.renew(signal);
    await other.engine.renew(signal);
    expect(await second.engine.renew(signal)).toMatchObject({ heldBy: { url: "http://a:12345/" } });
    await first.engine.renew(signal);
    expect(await other.names()).toEqual(["a", "other"]);
    const startMs = performance.now();
    while ((await second.engine.renew(signal)) !== "member") {
      expect(performance.now() - startMs).toBeLessThan(ttlMs);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(await first.engine.renew(signal)).toMatchObject({ heldBy: { name: "a" } });
    while ((await second.names()).includes("other")) {
      expect(performance.now() - startMs).toBeLessThan(2 * ttlMs);
      await second.engine.renew(signal);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });
});
