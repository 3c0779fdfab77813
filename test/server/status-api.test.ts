import { describe, expect, test } from "bun:test";
import { AgentError } from "../../src/base/index.ts";
import { readStatus } from "../../src/cli/status-document.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { testApp } from "./app.ts";
import { busyBox, cluster, component, nowMs, target } from "./snapshots.ts";

interface Status {
  readonly targets: {
    readonly by_component: readonly { readonly of_other_agents?: number; readonly held_back?: number }[];
    readonly failures: readonly { readonly address: string }[];
    readonly failures_not_listed: number;
  };
}

async function statusOf(...given: Parameters<typeof testApp>): Promise<Status> {
  const response = await testApp(...given).get("/api/v0/status");
  expect(response.status).toBe(200);
  return (await response.json()) as Status;
}

describe("/api/v0/status", () => {
  test("counts what is well and lists what is not", async () => {
    expect(await statusOf(busyBox())).toMatchObject({
      version: "0.1.0",
      runtime: "bun 1.4.5",
      ready: true,
      time: "2026-01-31T12:00:00.000Z",
      targets: {
        total: 12,
        up: 8,
        down: 3,
        waiting: 1,
        by_component: [{ component: "pyroscope.scrape.local", total: 12, up: 8, down: 3, waiting: 1 }],
        failures: [
          {
            component: "pyroscope.scrape.local",
            address: "10.0.0.13:6060",
            service_name: "billing",
            types: ["block", "goroutine", "memory", "mutex", "process_cpu"],
            all_types: true,
            url: "http://10.0.0.13:6060/debug/pprof/block",
            error: 'Cannot connect to "10.0.0.13:6060": connection refused; is the process running?',
            reason: "refused",
            last_success: "2026-01-31T11:55:40.000Z",
          },
          { service_name: "mailer", types: ["process_cpu"], all_types: false },
          { service_name: "search", types: ["block", "mutex"], all_types: false },
        ],
        failures_not_listed: 0,
      },
      endpoints: [
        { component: "pyroscope.write.staging", name: "eu", state: "up" },
        { component: "pyroscope.write.staging", state: "down", spooled_profiles: 1186 },
      ],
      unhealthy: [{ component: "pyroscope.write.lab", message: expect.stringContaining("password_file") as string }],
    });
  });

  test.each([
    ["never had its turn", { health: "unknown", lastSuccessMs: undefined }, 1],
    ["had none for three intervals", { lastSuccessMs: nowMs - 50_000 }, 1],
    ["had one lately", { lastSuccessMs: nowMs - 40_000 }, 0],
  ])("of a process whose CPU profiler others use counts a failure where the agent %s", async (_, given, failures) => {
    const busy = { lastScrapeMs: nowMs, lastErrorReason: "cpu_busy", lastError: "Somebody profiles it", ...given };
    const targets = [target("a:1", busy as object), target("a:1", { type: "memory" })];
    const status = await statusOf([component({ id: "pyroscope.scrape.x", debugInfo: { targets } })]);
    expect(status.targets).toMatchObject({ total: 1, up: 1 - failures, down: failures, waiting: 0 });
    const listed = [{ types: ["process_cpu"], reason: "cpu_busy", error: "Somebody profiles it" }];
    expect(status.targets.failures).toMatchObject(failures === 1 ? listed : []);
  });

  test("tells what is on disk of components that left the configuration, and of a later version", async () => {
    const left = [
      { component: "pyroscope.write.a", profiles: 2, bytes: 64, oldestMs: nowMs - 60_000, keptUntilMs: nowMs + 60_000 },
      { component: "pyroscope.write.b", profiles: 0, bytes: 0, newerBytes: 10 },
    ];
    const present = component({ id: "pyroscope.write.c", debugInfo: { newerSpoolBytes: 20 } });
    expect(await statusOf([present, component({ id: "d.e.f" })], { leftComponents: () => left })).toMatchObject({
      left_components: [
        {
          component: "pyroscope.write.a",
          profiles: 2,
          bytes: 64,
          oldest: "2026-01-31T11:59:00.000Z",
          kept_until: "2026-01-31T12:01:00.000Z",
        },
        { component: "pyroscope.write.b", profiles: 0, bytes: 0, newer_bytes: 10 },
      ],
      newer_on_disk: [{ component: "pyroscope.write.c", bytes: 20 }],
    });
  });

  const held = [
    ["member", { of_other_agents: 2 }],
    ["kept", { of_other_agents: 2 }],
    ["joining", { held_back: 2 }],
    ["stopped", { held_back: 2 }],
    ["name_taken", { held_back: 2 }],
  ] as const;
  test.each(held)("tells targets of other agents from those that an agent holds back: %s", async (state, counted) => {
    const share = { knownTargets: 3, ownedTargets: 1 };
    const scrape = component({ id: "a.scrape.b", debugInfo: { targets: [target("h:1")], share } });
    const status = await statusOf([scrape], { cluster: () => cluster({ state }) });
    const { of_other_agents, held_back } = status.targets.by_component[0] ?? {};
    expect({ ...(of_other_agents && { of_other_agents }), ...(held_back && { held_back }) }).toEqual(counted);
  });

  test("tells which components discover the targets of one that scrapes, also through others", async () => {
    const discovery = { targets: 0, sources: 1, shownSources: [] };
    const scrape = { id: "a.scrape.b", debugInfo: { targets: [] }, referencesTo: ["d.relabel.one", "a.write.b"] };
    const status = await statusOf([
      component(scrape),
      component({ id: "d.relabel.one", debugInfo: { discovery }, referencesTo: ["d.http.one", "d.relabel.one"] }),
      component({ id: "d.http.one", debugInfo: { discovery } }),
      component({ id: "d.http.other", debugInfo: { discovery } }),
      component({ id: "a.write.b" }),
    ]);
    expect(status.targets.by_component).toMatchObject([{ discovered_by: ["d.relabel.one", "d.http.one"] }]);
  });

  test("tells why the data directory cannot be used", async () => {
    const problem = new AgentError("locked", "Another agent uses it");
    expect(await statusOf([], { storage: () => ({ path: "/data", problem }) })).toMatchObject({
      storage: { path: "/data", problem: "Another agent uses it", problem_reason: "locked" },
    });
  });

  test("is short, however much is down", async () => {
    const lastError = "x".repeat(100_000);
    const targets = Array.from({ length: 3000 }, (_, i) => target(`h${i}:1`, { health: "down", lastError }));
    const status = await statusOf([component({ id: "pyroscope.scrape.local", debugInfo: { targets } })]);
    expect(status.targets).toMatchObject({ total: 3000, down: 3000, failures_not_listed: 2900 });
    expect(status.targets.failures).toHaveLength(100);
    expect(JSON.stringify(status).length).toBeLessThan(200_000);
  });

  test("tells since when it runs by the time that passed, also where the clock was set meanwhile", async () => {
    const clock = new FakeClock(nowMs);
    const app = testApp([], { clock });
    await clock.advance(5000);
    clock.jumpWall(3_600_000);
    const status = (await (await app.get("/api/v0/status")).json()) as { time: string; started: string };
    expect(Date.parse(status.time) - Date.parse(status.started)).toBe(5000);
  });

  test("is what the command reads, and no secret of a URL", async () => {
    const loaded = { hash: "0".repeat(64), generation: 2, loadedMs: nowMs, needsRestart: ["server.listen_address"] };
    const failure = { atMs: nowMs, message: "agent.toml:1:1: unknown table" };
    const url = "http://user:hunter2@h:1/debug/pprof/heap";
    const targets = [target("h:1", { health: "down", lastError: "refused", url })];
    const components = [...busyBox(), component({ id: "pyroscope.scrape.other", debugInfo: { targets } })];
    const status = await statusOf(components, { config: () => ({ ...loaded, failure }) });
    expect(readStatus(status)).toMatchObject({
      config: { generation: 2, needs_restart: ["server.listen_address"], last_failure: { message: failure.message } },
    });
    expect(JSON.stringify(status)).not.toContain("hunter2");
  });

  test.each([[null], ["ready"], [{}], [{ version: 1 }]])("is not what %p is", (other) => {
    expect(readStatus(other)).toBeUndefined();
  });
});
