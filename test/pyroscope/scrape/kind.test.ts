import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parse } from "valibot";
import { createPhlareScrapeKind, phlareScrapeArguments } from "../../../src/phlare/scrape/index.ts";
import { createScrapeKind, createSharedScrapeState } from "../../../src/pyroscope/scrape/index.ts";
import type { Profile, TargetSource } from "../../../src/model/index.ts";
import { createMetrics } from "../../../src/observability/index.ts";
import { testContext } from "../../support/context.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { recording } from "../../support/recordings.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

const body = recording("profile", 1);
const onlyCpu = {
  profiling_config: {
    profile: Object.fromEntries(
      ["memory", "block", "mutex", "goroutine", "process_cpu"].map((type) => [
        type,
        { enabled: type === "process_cpu" },
      ]),
    ),
  },
};

/** A target whose CPU profiles take until the test answers them. */
async function startTarget() {
  const open = new Set<ServerResponse>();
  let most = 0;
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    open.add(response);
    most = Math.max(most, open.size);
    response.once("close", () => open.delete(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => ({ asked, most }),
    answer: () => {
      for (const response of open) response.end(body);
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

let cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.toReversed()) await step();
  cleanUp = [];
});

/** Turns the clock until `done`, and lets the network do its part in between. */
async function turn(clock: FakeClock, done: () => boolean): Promise<void> {
  for (let step = 0; step < 3000 && !done(); step++) {
    await clock.advance(100);
    await settle();
  }
  expect(done()).toBe(true);
}

describe("scrape kinds of one process", () => {
  test("take turns at the CPU profiler of a target that two components name, the older kind included", async () => {
    const target = await startTarget();
    cleanUp.push(target.close);
    const clock = new FakeClock();
    const metrics = createMetrics();
    const shared = createSharedScrapeState(clock);
    const received: Profile[] = [];
    const receivers = new Map([
      ["pyroscope.write.test", { append: async (each: Profile) => void received.push(each) }],
    ]);
    const config = { targets: [{ __address__: target.address }], delta_profiling_duration: "5s", ...onlyCpu };
    const phlareArgs = parse(phlareScrapeArguments, { ...config, forward_to: ["phlare.write.test"] });
    const context = { clock, metrics, receivers };
    const components = [
      createScrapeKind(shared).create(
        parseScrapeArguments(config),
        testContext({ ...context, id: "pyroscope.scrape.a" }),
      ),
      createPhlareScrapeKind(shared).create(phlareArgs, testContext({ ...context, id: "phlare.scrape.b" })),
    ];
    const stop = new AbortController();
    const runs = components.map((component) => component.run(stop.signal));
    cleanUp.push(() => {
      stop.abort();
      return Promise.all(runs);
    });
    await turn(clock, () => target.counts().asked === 1);
    await clock.advance(4000);
    await settle();
    expect(target.counts()).toEqual({ asked: 1, most: 1 });
    target.answer();
    await turn(clock, () => target.counts().asked === 2);
    target.answer();
    await turn(clock, () => received.length === 2);
    expect(target.counts().most).toBe(1);
    const text = await metrics.text();
    expect(text).toMatch(/^pyroscope_scrape_scrapes_total\{[^}]*component_id="pyroscope.scrape.a"[^}]*\} 1$/m);
    expect(text).toMatch(/^phlare_scrape_scrapes_total\{[^}]*component_id="phlare.scrape.b"[^}]*\} 1$/m);
    expect(text).toMatch(/^pyroscope_scrape_body_bytes_total\{[^}]*\} \d+$/m);
    expect(text).toContain(`pyroscope_scrape_body_bytes_total{component_id="pyroscope.scrape.a"} ${body.length}`);
    expect(text).toContain('phlare_fanout_latency_count{component_id="phlare.scrape.b"} 1');
    expect(text).toContain("pyroscope_scrape_delta_baselines 2");
  });
});

describe("a scrape component", () => {
  test("that is given arguments it cannot carry out goes on as before, with its client", async () => {
    const target = await startTarget();
    cleanUp.push(target.close);
    const clock = new FakeClock();
    const received: Profile[] = [];
    const receivers = new Map([
      ["pyroscope.write.test", { append: async (each: Profile) => void received.push(each) }],
    ]);
    const config = { targets: [{ __address__: target.address }], scrape_interval: "2s", ...onlyCpu };
    const before = parseScrapeArguments(config);
    const context = testContext({ clock, receivers, id: "pyroscope.scrape.a" });
    const component = createScrapeKind(createSharedScrapeState(clock)).create(before, context);
    const stop = new AbortController();
    const run = component.run(stop.signal);
    cleanUp.push(() => {
      stop.abort();
      return run;
    });
    const unforeseen = [undefined] as unknown as typeof before.targets;
    const after = {
      ...parseScrapeArguments({ ...config, follow_redirects: false, forward_to: [] }),
      targets: unforeseen,
    };
    expect(() => component.applyConfig(after)).toThrow();
    expect(component.snapshot().targets?.map(({ url }) => url)).toEqual([
      `http://${target.address}/debug/pprof/profile?seconds=1`,
    ]);
    await turn(clock, () => target.counts().asked === 1);
    target.answer();
    await turn(clock, () => received.length === 1);
  });

  test("whose source fails at the start ends with the error and leaves nothing behind", async () => {
    const clock = new FakeClock();
    const metrics = createMetrics();
    let subscribed = 0;
    const source: TargetSource = {
      current: () => {
        throw new Error("No source");
      },
      subscribe: () => {
        subscribed++;
        return () => void subscribed--;
      },
    };
    const targets = new Map([["discovery.http.broken", source]]);
    const context = testContext({ clock, metrics, targets, id: "pyroscope.scrape.a" });
    const args = parseScrapeArguments({ targets: ["discovery.http.broken"], ...onlyCpu });
    const component = createScrapeKind(createSharedScrapeState(clock)).create(args, context);
    await expect(component.run(new AbortController().signal)).rejects.toThrow("No source");
    expect([subscribed, clock.pending]).toEqual([0, 0]);
    expect(await metrics.text()).not.toContain('component_id="pyroscope.scrape.a"');
  });
});
