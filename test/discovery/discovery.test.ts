import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { limits } from "../../src/base/index.ts";
import { type Finder, type Report, discoveryKind } from "../../src/discovery/index.ts";
import { type DiscoveryStatus, labelsOf, type Target, type TargetSource } from "../../src/model/index.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { testContext } from "../support/context.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { addressesOf, type MemoryStorage, memoryStorage } from "./running-discovery.ts";

function target(address: string, labels: Readonly<Record<string, string>> = {}): Target {
  return labelsOf({ __address__: address, ...labels });
}

interface Told {
  /** What the finder that runs now reports to. */
  report: Report;
  /** The arguments of every finder that has run, in order. */
  readonly started: string[];
  /** How many have ended. */
  ended: number;
}

/** A component whose finder reports what the test tells it to, on a clock turned by hand. */
async function discovery({ memory = memoryStorage() }: { readonly memory?: MemoryStorage } = {}) {
  const clock = new FakeClock();
  const log = createMemoryLog();
  const metrics = createMetrics();
  const told: Told = { report: undefined as unknown as Report, started: [], ended: 0 };
  const find = (args: string): Finder => {
    if (args === "refused") throw new Error("Refused");
    return {
      run: (signal, report) => {
        told.started.push(args);
        told.report = report;
        return new Promise((resolve) =>
          signal.addEventListener("abort", () => {
            told.ended++;
            resolve();
          }),
        );
      },
    };
  };
  const kind = discoveryKind({ name: "discovery.test", summary: "", schema: v.string(), find });
  const context = testContext({ id: "discovery.test.a", clock, log, metrics, storage: memory.storage });
  const component = kind.create("first", context);
  const source = component.exports.targets as TargetSource;
  const published: (readonly string[])[] = [];
  source.subscribe(() => published.push(addressesOf(source.current())));
  const controller = new AbortController();
  const ended = component.run(controller.signal);
  await settle();
  return {
    clock,
    log,
    metrics,
    told,
    component,
    source,
    /** The addresses of every publication. */
    published,
    memory,
    addresses: () => addressesOf(source.current()),
    status: () => component.snapshot().discovery as DiscoveryStatus,
    stop: async () => {
      controller.abort();
      await ended;
    },
  };
}

describe("a discovery component", () => {
  test("publishes the first targets at once, and what follows at most once a second", async () => {
    const { told, published, clock, stop } = await discovery();
    told.report.found("a", [target("a:1")]);
    told.report.found("b", [target("b:1")]);
    await settle();
    expect(published).toEqual([["a:1", "b:1"]]);
    told.report.found("a", [target("a:2")]);
    told.report.found("b", []);
    await clock.advance(999);
    expect(published).toHaveLength(1);
    await clock.advance(1);
    expect(published.slice(1)).toEqual([["a:2"]]);
    await stop();
  });

  test("publishes nothing when nothing changed, whatever the order", async () => {
    const { told, published, clock, stop } = await discovery();
    told.report.found("a", [target("a:1"), target("a:2")]);
    await clock.advance(5000);
    told.report.found("a", [target("a:2"), target("a:1")]);
    told.report.complete();
    await clock.advance(5000);
    expect(published).toHaveLength(1);
    await stop();
  });

  test("keeps the very objects of targets that stay, so that nobody has to look at them again", async () => {
    const { told, source, clock, stop } = await discovery();
    told.report.found("a", [target("a:1"), target("a:2")]);
    await clock.advance(1000);
    const [first] = source.current();
    told.report.found("a", [target("a:3"), target("a:1")]);
    await clock.advance(1000);
    expect(source.current()).toContain(first as Target);
    await stop();
  });

  test("exports a target once that two sources have, until both are without it", async () => {
    const { told, addresses, clock, stop } = await discovery();
    const shared = { env: "prod" };
    told.report.found("a", [target("a:1", shared)]);
    told.report.found("b", [target("a:1", shared), target("a:1", { env: "test" })]);
    await clock.advance(1000);
    expect(addresses()).toEqual(["a:1", "a:1"]);
    told.report.gone("a");
    await clock.advance(1000);
    expect(addresses()).toEqual(["a:1", "a:1"]);
    told.report.gone("b");
    await clock.advance(1000);
    expect(addresses()).toEqual([]);
    await stop();
  });

  test("takes an empty list for an answer", async () => {
    const { told, addresses, clock, stop } = await discovery();
    told.report.found("a", [target("a:1")]);
    await clock.advance(1000);
    told.report.found("a", []);
    await clock.advance(1000);
    expect(addresses()).toEqual([]);
    await stop();
  });

  test("keeps the last good targets of a source that fails, and tells so once", async () => {
    const { told, addresses, clock, log, status, metrics, stop } = await discovery();
    told.report.found("a", [target("a:1")]);
    for (let look = 0; look < 3; look++) {
      await clock.advance(60_000);
      told.report.failed("a", new Error("Cannot find out"));
    }
    await clock.advance(1000);
    expect(addresses()).toEqual(["a:1"]);
    expect(log.messages("warn")).toEqual(["Targets not discovered; the last good ones stay"]);
    expect(status().shownSources).toMatchObject([{ name: "a", targets: 1, lastError: "Cannot find out" }]);
    expect(await metrics.text()).toContain(
      'discovery_refresh_failures_total{component_id="discovery.test.a",reason="internal"} 3',
    );
    told.report.found("a", [target("a:1")]);
    expect(status().shownSources[0]).not.toHaveProperty("lastError");
    expect(log.messages("info")).toContain("Targets are discovered again");
    await stop();
  });

  test("shows a look that failed as a whole until one succeeds", async () => {
    const { told, addresses, clock, status, log, stop } = await discovery();
    told.report.found("a", [target("a:1")]);
    told.report.failed("", new Error("Nobody answers"));
    await clock.advance(1000);
    expect(status()).toMatchObject({ lastError: "Nobody answers", targets: 1, sources: 1 });
    expect(addresses()).toEqual(["a:1"]);
    told.report.complete();
    expect(status()).not.toHaveProperty("lastError");
    expect(log.messages("info")).toContain("Targets are discovered again");
    await stop();
  });

  test("refuses more targets than its limit, keeps what it had and counts the refusal", async () => {
    const { told, addresses, clock, status, metrics, stop } = await discovery();
    told.report.found("a", [target("a:1")]);
    const tooMany = Array.from({ length: limits.discoveredTargets }, (_, index) => target(`b:${index}`));
    told.report.found("b", tooMany);
    await clock.advance(1000);
    expect(addresses()).toEqual(["a:1"]);
    expect(status().shownSources[0]?.lastError).toBe(
      "Cannot take 20000 targets: with those of the other sources they would be 20001, more than 20000; narrow down what is discovered",
    );
    expect(await metrics.text()).toContain('reason="too_many_targets"} 1');
    // In place of what is there now they have room.
    told.report.found("a", tooMany);
    await clock.advance(1000);
    expect(addresses()).toHaveLength(limits.discoveredTargets);
    await stop();
  });

  test("refuses labels that are larger than its limit", async () => {
    const { told, status, stop } = await discovery();
    const text = "x".repeat(limits.discoveryBytes / 4);
    told.report.found(
      "a",
      [1, 2, 3, 4].map((index) => target(`a:${index}`, { text })),
    );
    expect(status().shownSources[0]?.lastError).toContain("more than 32MiB");
    await stop();
  });

  test("names at most a hundred sources, those first that fail", async () => {
    const { told, status, stop } = await discovery();
    for (let index = 0; index < 200; index++) told.report.found(`s${index}`, []);
    told.report.failed("s199", new Error("x"));
    const { sources, shownSources } = status();
    expect({ sources, shown: shownSources.length, first: shownSources[0]?.name }).toEqual({
      sources: 200,
      shown: limits.discoverySourcesShown,
      first: "s199",
    });
    await stop();
  });

  test("shows how much it knows in metrics, and nothing after its end", async () => {
    const { told, metrics, clock, stop } = await discovery();
    told.report.found("a", [target("a:1"), target("a:2")]);
    await clock.advance(1000);
    const text = await metrics.text();
    expect(text).toContain('discovery_targets{component_id="discovery.test.a"} 2');
    expect(text).toContain('discovery_refreshes_total{component_id="discovery.test.a"} 1');
    expect(text).toContain(`discovery_last_success_timestamp_seconds{component_id="discovery.test.a"} 1893456000`);
    await stop();
    expect(await metrics.text()).not.toContain("discovery_targets{");
  });

  test("leaves no timer behind", async () => {
    const { told, clock, stop } = await discovery();
    told.report.found("a", [target("a:1")]);
    await clock.advance(100);
    told.report.found("a", [target("a:2")]);
    await stop();
    expect(clock.pending).toBe(0);
  });

  test("begins a search again that ended unasked", async () => {
    const clock = new FakeClock();
    const log = createMemoryLog();
    let runs = 0;
    const find = (): Finder => ({
      run: async () => {
        runs++;
        throw new Error("A bug");
      },
    });
    const kind = discoveryKind({ name: "discovery.test", summary: "", schema: v.string(), find });
    const component = kind.create("", testContext({ clock, log, storage: memoryStorage().storage }));
    const controller = new AbortController();
    const ended = component.run(controller.signal);
    await clock.advance(limits.discoveryRestartMs * 2);
    expect(runs).toBe(3);
    expect(log.messages("error")).toHaveLength(3);
    controller.abort();
    await ended;
    expect(clock.pending).toBe(0);
  });
});

describe("new arguments", () => {
  test("leave the old targets in place until the new finder has named its sources", async () => {
    const { told, component, addresses, clock, stop } = await discovery();
    told.report.found("a", [target("a:1")]);
    told.report.found("b", [target("b:1")]);
    await clock.advance(1000);
    const old = told.report;
    component.applyConfig("second");
    expect(told.started).toEqual(["first", "second"]);
    old.found("a", [target("late:1")]);
    told.report.failed("", new Error("Not there yet"));
    await clock.advance(1000);
    expect(addresses()).toEqual(["a:1", "b:1"]);
    told.report.found("c", [target("c:1")]);
    told.report.failed("b", new Error("Not there yet"));
    told.report.complete();
    await clock.advance(1000);
    // a is no source any more; of b nothing is known.
    expect(addresses()).toEqual(["b:1", "c:1"]);
    await stop();
    expect(told.ended).toBe(2);
  });

  test("take the room of the old targets, which are about to go", async () => {
    const { told, component, addresses, clock, stop } = await discovery();
    const many = (name: string) => Array.from({ length: limits.discoveredTargets }, (_, i) => target(`${name}:${i}`));
    told.report.found("a", many("a"));
    await clock.advance(1000);
    component.applyConfig("second");
    told.report.found("b", many("b"));
    told.report.complete();
    await clock.advance(1000);
    expect(addresses()).toHaveLength(limits.discoveredTargets);
    expect(addresses()[0]).toBe("b:0");
    await stop();
  });

  test("that are refused change nothing", async () => {
    const { told, component, stop } = await discovery();
    expect(() => component.applyConfig("refused")).toThrow("Refused");
    expect(told.started).toEqual(["first"]);
    expect(told.ended).toBe(0);
    await stop();
  });
});

describe("what a component knows on the disk", () => {
  const file = "targets-discovery.test.a.json";

  test("is written soon after a change, not with every one, and at the end", async () => {
    const { told, memory, clock, stop } = await discovery();
    for (let second = 0; second < 30; second++) {
      told.report.found("a", [target(`a:${second}`)]);
      await clock.advance(1000);
    }
    expect(memory.saves()).toBe(3);
    told.report.found("a", [target("a:99", { env: "prod" })]);
    await stop();
    expect(memory.saves()).toBe(4);
    expect(JSON.parse(memory.files.get(file) as string)).toMatchObject({
      version: 1,
      sources: [{ source: "a", targets: [{ __address__: "a:99", env: "prod" }] }],
    });
  });

  test("is nothing where nothing was found, and nothing any more where everything is gone", async () => {
    const first = await discovery();
    first.told.report.found("a", []);
    await first.clock.advance(20_000);
    await first.stop();
    expect(first.memory.files.size).toBe(0);
    const second = await discovery();
    second.told.report.found("a", [target("a:1")]);
    await second.clock.advance(20_000);
    expect(second.memory.files.size).toBe(1);
    second.told.report.found("a", []);
    await second.stop();
    expect(second.memory.files.size).toBe(0);
  });

  test("serves the next run, source by source, until each has answered", async () => {
    const first = await discovery();
    first.told.report.found("a", [target("a:1")]);
    first.told.report.found("b", [target("b:1")]);
    first.told.report.found("c", [target("c:1")]);
    await first.stop();
    const { told, addresses, status, clock, log, stop } = await discovery({ memory: first.memory });
    expect(addresses()).toEqual(["a:1", "b:1", "c:1"]);
    expect(log.messages("info")).toEqual(["Goes on with the targets of the last run until they are discovered again"]);
    expect(status().shownSources[0]).toEqual({ name: "a", targets: 1, fromDisk: true, foundMs: Date.UTC(2030, 0, 1) });
    expect(status()).not.toHaveProperty("lastSuccessMs");
    told.report.found("a", [target("a:2")]);
    told.report.failed("b", new Error("Not there"));
    told.report.complete();
    await clock.advance(1000);
    expect(addresses()).toEqual(["a:2", "b:1"]);
    expect(status().shownSources).toMatchObject([
      { name: "b", fromDisk: true, lastError: "Not there" },
      { name: "a", fromDisk: false },
    ]);
    await stop();
  });

  test("outlives a run in which nobody answered", async () => {
    const first = await discovery();
    first.told.report.found("a", [target("a:1")]);
    await first.stop();
    const second = await discovery({ memory: first.memory });
    second.told.report.failed("", new Error("Offline"));
    await second.clock.advance(60_000);
    await second.stop();
    const third = await discovery({ memory: first.memory });
    expect(third.addresses()).toEqual(["a:1"]);
    await third.stop();
  });

  test.each([
    ["no JSON", "{"],
    ["something else", '{"version":1,"sources":7}'],
    ["of a later version", '{"version":2}'],
  ])("is left alone where it is %s", async (_title, content) => {
    const memory = memoryStorage(new Map([[file, content]]));
    const { addresses, log, told, clock, stop } = await discovery({ memory });
    expect(addresses()).toEqual([]);
    expect(log.messages("warn")).toHaveLength(1);
    told.report.found("a", [target("a:1")]);
    await clock.advance(1000);
    expect(addresses()).toEqual(["a:1"]);
    await stop();
  });

  test("that cannot be written costs one warning", async () => {
    const memory = memoryStorage();
    memory.storage.save = () => Promise.reject(new Error("The disk is full"));
    const { told, clock, log, stop } = await discovery({ memory });
    for (let round = 0; round < 3; round++) {
      told.report.found("a", [target(`a:${round}`)]);
      await clock.advance(20_000);
    }
    expect(log.messages("warn")).toHaveLength(1);
    await stop();
  });
});
