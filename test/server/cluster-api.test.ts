import { describe, expect, test } from "bun:test";
import { testApp } from "./app.ts";
import { cluster, component } from "./snapshots.ts";

describe("/api/v0/cluster", () => {
  test("says that there is none", async () => {
    const response = await testApp([]).get("/api/v0/cluster");
    expect([response.status, await response.json()]).toEqual([200, { enabled: false }]);
  });

  test("shows state, engine, members, and the share of each component that shares its targets", async () => {
    const components = [
      component({ id: "pyroscope.scrape.shared", debugInfo: { share: { knownTargets: 300, ownedTargets: 140 } } }),
      component({ id: "pyroscope.scrape.own", debugInfo: { targets: [] } }),
    ];
    const status = () =>
      cluster({ engineUp: false, lastAnswerMs: 1000, problem: "No engine", lastError: "refused", lastErrorMs: 0 });
    const response = await testApp(components, { cluster: status }).get("/api/v0/cluster");
    expect(await response.json()).toEqual({
      enabled: true,
      node_name: "edge-1",
      state: "member",
      problem: "No engine",
      ttl: "10s",
      on_engine_loss: "keep",
      engine: {
        name: "etcd",
        up: false,
        last_answer: "1970-01-01T00:00:01.000Z",
        last_renewal: "2026-01-31T11:59:58.000Z",
        last_error: "refused",
        last_error_at: "1970-01-01T00:00:00.000Z",
      },
      members: [
        { name: "edge-1", url: "http://edge-1:12345/", started: "2026-01-31T11:59:00.000Z", self: true },
        { name: "edge-2", url: "http://edge-2:12345/", started: "2026-01-31T11:59:00.000Z", self: false },
      ],
      shares: [{ component: "pyroscope.scrape.shared", owned_targets: 140, known_targets: 300 }],
    });
  });
});
