import { expect, test } from "bun:test";
import { Duration, Secret, Size } from "../../src/base/index.ts";
import { Reference } from "../../src/component/index.ts";
import { labelsOf } from "../../src/model/index.ts";
import { testApp } from "./app.ts";
import { busyBox, component, endpoint, nowMs, profile, store, target } from "./snapshots.ts";

const targetSource = { current: () => [labelsOf({ __address__: "10.0.0.9:6060" })], subscribe: () => () => {} };

const components = [
  component({
    id: "pyroscope.scrape.local",
    arguments: {
      targets: [labelsOf({ __address__: "10.0.0.1:6060", env: "lab" }), new Reference("discovery.http.all", "targets")],
      forward_to: [new Reference("pyroscope.write.staging", "receiver")],
      scrape_interval: new Duration(15_000),
      params: { tag: ["a"] },
    },
    referencesTo: ["pyroscope.write.staging"],
    debugInfo: { targets: [target("10.0.0.1:6060")] },
  }),
  component({
    id: "pyroscope.write.staging",
    arguments: {
      external_labels: new Map([
        ["env", "staging"],
        ["__proto__", "x"],
      ]),
      endpoint: [
        {
          url: "https://user:hunter2@example.com/push",
          headers: { "X-Api-Key": new Secret("hunter3"), "X-Scope-OrgID": "squad-1" },
          queue: { max_memory: new Size(16 * 1024 ** 2) },
        },
      ],
    },
    referencedBy: ["pyroscope.scrape.local"],
    exports: { receiver: { append: () => Promise.resolve() } },
    debugInfo: { endpoints: [endpoint({ state: "down", lastError: "503", lastErrorMs: nowMs })] },
  }),
  component({
    id: "pyroscope.store.local",
    exports: { profiles: store([profile("a", { __name__: "memory" })]), targets: targetSource },
    debugInfo: { store: { maxBytes: 64, profiles: 1 } },
  }),
];

async function shown(id: string): Promise<Record<string, unknown>> {
  const response = await testApp(components).get(`/api/v0/components/${id}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

test("the list names each component with health and references", async () => {
  const response = await testApp(components).get("/api/v0/components");
  const listed = (await response.json()) as { components: unknown[] };
  expect(listed.components).toHaveLength(3);
  expect(listed.components[1]).toEqual({
    id: "pyroscope.write.staging",
    kind: "pyroscope.write",
    health: { state: "healthy", message: "", updated: "2026-01-31T11:59:00.000Z" },
    running: true,
    references_to: [],
    referenced_by: ["pyroscope.scrape.local"],
  });
});

test("arguments are shown as they were meant", async () => {
  expect((await shown("pyroscope.scrape.local"))["arguments"]).toEqual({
    targets: [{ __address__: "10.0.0.1:6060", env: "lab" }, "discovery.http.all"],
    forward_to: ["pyroscope.write.staging"],
    scrape_interval: "15s",
    params: { tag: ["a"] },
  });
});

test("secrets and userinfo are masked, the tenant is not", async () => {
  const text = JSON.stringify(await shown("pyroscope.write.staging"));
  expect(text).not.toContain("hunter");
  expect(text).toContain('"X-Api-Key":"(secret)"');
  expect(text).toContain('"X-Scope-OrgID":"squad-1"');
  expect(text).toContain('"url":"https://example.com/push"');
  expect(text).toContain('"external_labels":{"env":"staging","__proto__":"x"}');
});

test("debug information has targets and endpoints in the API's names", async () => {
  expect(await shown("pyroscope.scrape.local")).toMatchObject({ debug_info: { targets: [{ type: "process_cpu" }] } });
  expect(await shown("pyroscope.write.staging")).toMatchObject({
    debug_info: { endpoints: [{ state: "down", last_error: "503", queued_profiles: 0, sent_profiles: 1234 }] },
  });
  expect(await shown("pyroscope.store.local")).toMatchObject({ debug_info: { store: { max_bytes: 64, profiles: 1 } } });
});

test("an endpoint shows its queue, its spool, when it is tried again and what to do", async () => {
  const { endpoints } = busyBox()[1]?.debugInfo ?? {};
  const response = await testApp([
    component({ id: "pyroscope.write.a", debugInfo: { endpoints: endpoints ?? [] } }),
  ]).get("/api/v0/components/pyroscope.write.a");
  const { debug_info } = (await response.json()) as { debug_info: { endpoints: unknown[] } };
  expect(debug_info.endpoints[1]).toEqual({
    name: "http://10.1.0.4:4040",
    url: "http://10.1.0.4:4040",
    state: "down",
    queued_profiles: 214,
    queued_bytes: 3_250_000,
    spooled_profiles: 1186,
    spooled_bytes: 18_400_000,
    oldest_queued: "2026-01-31T11:55:50.000Z",
    in_flight: 1,
    paused_until: "2026-01-31T12:00:12.000Z",
    clock_skew: "-1m35s",
    sent_profiles: 9871,
    dropped_profiles: 3,
    dropped_by_reason: { too_old: 2, invalid: 1 },
    last_dropped: "2026-01-31T11:58:30.000Z",
    drop_advice: "profiles waited longer than queue.max_age (now 50m): see why the server could not be reached",
    last_success: "2026-01-31T11:55:49.000Z",
    last_error: expect.stringContaining("503 Service Unavailable") as string,
    last_error_at: "2026-01-31T11:59:58.500Z",
    advice: "look at the log of the server: its ingesters are not ready",
  });
});

test("exports say what others can refer to", async () => {
  expect((await shown("pyroscope.write.staging"))["exports"]).toEqual({ receiver: "pyroscope.write.staging.receiver" });
  expect((await shown("pyroscope.store.local"))["exports"]).toEqual({
    targets: [{ __address__: "10.0.0.9:6060" }],
    profiles: "/api/v0/profiles?component=pyroscope.store.local",
  });
});

test("an unknown id is a 404 that suggests and lists ids", async () => {
  const response = await testApp(components).get("/api/v0/components/pyroscope.scrape.locla");
  expect(response.status).toBe(404);
  expect(await response.json()).toEqual({
    error: 'No component "pyroscope.scrape.locla"; did you mean "pyroscope.scrape.local"?',
    components: ["pyroscope.scrape.local", "pyroscope.write.staging", "pyroscope.store.local"],
  });
});
