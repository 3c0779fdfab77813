import { expect, test } from "bun:test";
import { labelsFrom } from "../../src/model/index.ts";
import { testApp } from "./app.ts";
import { component, target } from "./snapshots.ts";

const down = { health: "down", lastErrorReason: "refused", lastError: "Cannot connect: connection refused" } as const;
const components = [
  component({
    id: "pyroscope.scrape.local",
    debugInfo: { targets: [target("10.0.0.1:6060"), target("10.0.0.2:6060", { ...down, type: "memory" })] },
  }),
  component({ id: "pyroscope.scrape.other", debugInfo: { targets: [target("10.0.0.3:6060")] } }),
  component({ id: "pyroscope.write.staging" }),
];

async function targets(query = ""): Promise<Record<string, unknown>[]> {
  const response = await testApp(components).get(`/api/v0/targets${query}`);
  expect(response.status).toBe(200);
  return ((await response.json()) as { targets: Record<string, unknown>[] }).targets;
}

test("a target is shown with all its debug information", async () => {
  expect((await targets())[0]).toEqual({
    component: "pyroscope.scrape.local",
    job: "pyroscope.scrape.local",
    type: "process_cpu",
    url: "http://10.0.0.1:6060/debug/pprof/profile?seconds=14",
    health: "up",
    last_scrape: "2026-01-31T11:59:57.000Z",
    last_success: "2026-01-31T11:59:57.000Z",
    last_scrape_duration: "12.346ms",
    next_scrape: "2026-01-31T12:00:12.000Z",
    scrape_interval: "15s",
    scrape_timeout: "18s",
    delta: "none",
    labels: {
      __name__: "process_cpu",
      instance: "10.0.0.1:6060",
      job: "pyroscope.scrape.local",
      service_name: "checkout",
    },
  });
});

test("a failing target tells the reason and the message", async () => {
  const [failing] = await targets("?health=down");
  expect(failing).toMatchObject({
    type: "memory",
    last_error_reason: "refused",
    last_error: "Cannot connect: connection refused",
  });
});

test.each([
  ["?health=down", 1],
  ["?health=up", 2],
  ["?health=unknown", 0],
  ["?type=memory", 1],
  ["?component=pyroscope.scrape.other", 1],
  ["?component=pyroscope.scrape.local&health=up", 1],
  ["", 3],
])("targets with %s are %i", async (query, count) => {
  expect(await targets(query)).toHaveLength(count);
});

test.each([
  ["?health=sick", 'Parameter "health" is up, down, unknown, not "sick"'],
  ["?healt=up", 'Unknown parameter "healt"; this address takes component, type, health'],
  ["?health=", 'Parameter "health" has no value; leave it out or give one'],
  ["?type=a&type=b", 'Parameter "type" may be given once, here it is given 2 times'],
])("%s is refused with a sentence", async (query, error) => {
  const response = await testApp(components).get(`/api/v0/targets${query}`);
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error });
});

test("a label named __proto__ is a label like others, and userinfo is not shown", async () => {
  const hostile = target("h", { url: "http://u:secret@h/debug", labels: labelsFrom([["__proto__", "x"]]) });
  const response = await testApp([component({ id: "a.scrape.c", debugInfo: { targets: [hostile] } })]).get(
    "/api/v0/targets",
  );
  const text = await response.text();
  expect(text).toContain('"__proto__":"x"');
  expect(text).not.toContain("secret");
});
