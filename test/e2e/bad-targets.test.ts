import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { startBlackHole } from "../support/black-hole.ts";
import { eventually } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { type HostileServer, startHostileServer } from "../support/hostile-server.ts";
import { type PushServer, startPushServer } from "../support/push-server.ts";
import { type Agent, startAgent } from "./agent.ts";
import { type RecordedTarget, startRecordedTarget } from "./recorded-target.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const goroutineOnly = (component: string): string => `
[pyroscope.scrape.${component}.profiling_config.profile]
memory.enabled = false
block.enabled = false
mutex.enabled = false
process_cpu.enabled = false
`;

/** Path (or address), the reason and the words of the outcome. */
const outcomes = [
  ["/html", "not_pprof", /HTML.*"<!DOCTYPE html>/],
  ["/empty", "empty", /no body/],
  ["/truncated-gzip", "truncated", /gzip/],
  ["/gzip-bomb", "too_large", /32MiB/],
  ["/endless", "too_large", /larger than the limit of 32MiB/],
  ["/wrong-wire-types", "not_pprof", /0x0801110102/],
  ["/404", "http_4xx", /HTTP status 404 with "404 page not found"; .*switch this profile type off/],
  ["/500", "http_5xx", /HTTP status 500 with "internal error: something broke"/],
  ["/endless-error", "http_5xx", /HTTP status 500/],
  ["/reset", "reset", /127\.0\.0\.1:\d+/],
  ["/cut", "truncated", /127\.0\.0\.1:\d+/],
  ["/silent", "timeout", /1s/],
  ["/trickle", "timeout", /1s/],
  ["/redirect-loop", "redirects", /redirect/],
  ["/invalid-utf8", "not_pprof", /UTF-8/],
  ["refused", "refused", /127\.0\.0\.1:\d+/],
  ["dns", "dns", /no-such-host\.invalid/],
] as const;

describe("a target that misbehaves", () => {
  let hostile: HostileServer;
  let healthy: RecordedTarget;
  let server: PushServer;
  let agent: Agent;

  beforeAll(async () => {
    [hostile, healthy, server] = await Promise.all([
      startHostileServer(),
      startRecordedTarget(),
      startPushServer({ rules: { maxAgeMs: Number.POSITIVE_INFINITY } }),
    ]);
    const closed = await freePort();
    const target = (path: string): string => {
      if (path === "refused") return `{ __address__ = "127.0.0.1:${closed}", service_name = "refused" }`;
      if (path === "dns") return `{ __address__ = "no-such-host.invalid:80", service_name = "dns" }`;
      const address = path === "/invalid-utf8" ? `127.0.0.1:${healthy.port}` : hostile.address;
      return `{ __address__ = "${address}", __profile_path__ = "${path}", service_name = "${path}" }`;
    };
    agent = await startAgent(`
[pyroscope.scrape.test]
targets = [
  ${outcomes.map(([path]) => target(path)).join(",\n  ")},
  { __address__ = "127.0.0.2:${healthy.port}", service_name = "healthy" },
]
forward_to = ["pyroscope.write.test"]
scrape_interval = "2s"
scrape_timeout = "1s"
${goroutineOnly("test")}
[[pyroscope.write.test.endpoint]]
url = "${server.url}"
`);
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await Promise.all([hostile?.close(), healthy?.close(), server?.close()]);
  });

  test.each(outcomes)("%s is down with the reason %s and says so", async (path, reason, words) => {
    const status = await eventually(`${path} was scraped`, async () =>
      (await agent.targets()).find(({ labels, health }) => labels.service_name === path && health !== "unknown"),
    );
    expect(status).toMatchObject({ health: "down", last_error_reason: reason });
    expect(status.last_error).toMatch(words);
    expect(status.last_error).toMatch(/^["A-Z].*[^.]$/);
    expect(await agent.metric("pyroscope_scrape_failures_total", { reason })).toBeGreaterThan(0);
  });

  test("does not touch its neighbour", async () => {
    await server.waitFor(() => server.accepted.length >= 4, { timeoutMs: 15_000 });
    expect(new Set(server.accepted.map(({ labels }) => labels.service_name))).toEqual(new Set(["healthy"]));
    expect(server.rejected).toEqual([]);
    const mine = (await agent.targets()).find(({ labels }) => labels.service_name === "healthy");
    expect(mine?.health).toBe("up");
    expect(await agent.metric("pyroscope_scrape_skipped_total")).toBe(0);
  });

  test.skipIf(process.platform !== "linux")("does not cost memory beyond the bound of a profile", () => {
    // The bomb inflates to 1.1 GiB and the endless body has no end; either would show in the peak.
    const status = readFileSync(`/proc/${agent.child.pid}/status`, "latin1");
    const peakMegabytes = Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]) / 1024;
    expect(peakMegabytes).toBeGreaterThan(10);
    expect(peakMegabytes).toBeLessThan(400);
  });
});

describe("500 targets of which 100 are dead", () => {
  test("every scrape of the living ones is done", async () => {
    await using living = await startRecordedTarget();
    await using blackHole = await startBlackHole();
    const closed = await freePort();
    await using server = await startPushServer({ keep: false, rules: { maxAgeMs: Number.POSITIVE_INFINITY } });
    const addresses = [
      ...Array.from({ length: 400 }, (_, i) => `127.1.${i >> 8}.${i & 255}:${living.port}`),
      ...Array.from({ length: 50 }, (_, i) => `127.2.0.${i}:${blackHole.port}`),
      ...Array.from({ length: 50 }, (_, i) => `127.3.0.${i}:${closed}`),
    ];
    const intervalMs = 4000;
    await using agent = await startAgent(`
[pyroscope.scrape.test]
targets = [
${addresses.map((address) => `  { __address__ = "${address}", service_name = "many" },`).join("\n")}
]
forward_to = ["pyroscope.write.test"]
scrape_interval = "${intervalMs}ms"
scrape_timeout = "3s"
${goroutineOnly("test")}
[[pyroscope.write.test.endpoint]]
url = "${server.url}"
`);
    // All of them within the first interval, then once per interval: three rounds end before four intervals have passed.
    await eventually(
      "every living target was scraped",
      () => living.answers.size === 400 || undefined,
      intervalMs + 1500,
    );
    await eventually(
      "every living target was scraped three times",
      () => [...living.answers.values()].every((count) => count >= 3) || undefined,
      2 * intervalMs + 1500,
    );
    const targets = await agent.targets();
    expect(targets.filter(({ health }) => health === "up").length).toBe(400);
    expect(Object.fromEntries(countBy(targets.map(({ last_error_reason }) => last_error_reason ?? "none")))).toEqual({
      none: 400,
      refused: 50,
      timeout: 50,
    });
    expect(await agent.metric("pyroscope_scrape_skipped_total")).toBe(0);
    const scraped = await agent.metric("pyroscope_scrape_scrapes_total");
    await agent.stop();
    expect(server.counts.accepted).toBeGreaterThanOrEqual(scraped);
  });
});

function countBy(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
