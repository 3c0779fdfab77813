import { describe, expect, test } from "bun:test";
import process from "node:process";
import * as v from "valibot";
import { limits } from "../../src/base/index.ts";
import { discoveryKind, type Finder } from "../../src/discovery/index.ts";
import type { Target } from "../../src/model/index.ts";
import { testContext } from "../support/context.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { memoryStorage } from "./running-discovery.ts";
import { discovery, target } from "./told-discovery.ts";

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

  test("has answered once it has targets, or has looked and found none; not by failing", async () => {
    const looked = await discovery();
    looked.told.report.failed("", new Error("Nobody answers"));
    looked.told.report.complete(new Error("Nobody answers"));
    await looked.clock.advance(1000);
    expect([looked.source.hasAnswered, looked.published]).toEqual([false, []]);
    looked.told.report.found("a", []);
    looked.told.report.complete();
    expect([looked.source.hasAnswered, looked.published]).toEqual([true, [[]]]);
    // The first targets are not held back by that.
    looked.told.report.found("a", [target("a:1")]);
    await settle();
    expect(looked.published).toEqual([[], ["a:1"]]);
    await looked.stop();
    const found = await discovery();
    found.told.report.found("a", [target("a:1")]);
    found.told.report.complete();
    expect(found.source.hasAnswered).toBe(false);
    await settle();
    expect([found.source.hasAnswered, found.published]).toEqual([true, [["a:1"]]]);
    await found.stop();
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

  test("tells once of all sources that there is no room for, and says of each whether it was taken", async () => {
    const { told, clock, log, addresses, status, stop } = await discovery();
    const many = Array.from({ length: limits.discoveredTargets }, (_, index) => target(`a:${index}`));
    expect(told.report.found("a", many)).toBe(true);
    for (let index = 0; index < 500; index++)
      expect(told.report.found(`b${index}`, [target(`b:${index}`)])).toBe(false);
    await clock.advance(5000);
    expect(log.messages("warn")).toEqual([
      "Some sources have more targets than there is room for; the last good ones stay",
    ]);
    expect(log.lines.findLast(({ level }) => level === "warn")?.fields).toMatchObject({ sources: 500 });
    expect(status().sources).toBe(1 + limits.discoverySourcesShown);
    told.report.gone("a");
    expect(told.report.found("b499", [target("b:499")])).toBe(true);
    await clock.advance(1000);
    expect(addresses()).toEqual(["b:499"]);
    await stop();
  });

  test("counts the labels of an answer before it makes anything of them", async () => {
    const { told, status, stop } = await discovery();
    const note = "x".repeat(500_000);
    const before = process.memoryUsage().rss;
    const startMs = performance.now();
    told.report.found(
      "a",
      Array.from({ length: 4000 }, (_, index) => target(`a:${index}`, { note })),
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 ** 2);
    // It is 2 GB of text: to make keys of it takes seconds.
    expect(performance.now() - startMs).toBeLessThan(1000);
    expect(status().shownSources[0]?.lastError).toContain("the labels of all would be 1.9GiB, more than 32MiB");
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

describe("what is told of a look", () => {
  test("at which every source failed is no success, and why", async () => {
    const { told, clock, status, metrics, stop } = await discovery();
    told.report.found("a", [target("a:1")]);
    told.report.complete();
    const foundMs = clock.now();
    await clock.advance(60_000);
    told.report.failed("a", new Error("No such file"));
    told.report.complete(new Error("No such file"));
    expect(status()).toMatchObject({ targets: 1, lastSuccessMs: foundMs, lastError: "No such file" });
    expect(await metrics.text()).toContain(
      `discovery_last_success_timestamp_seconds{component_id="discovery.test.a"} ${foundMs / 1000}`,
    );
    told.report.complete();
    expect(status()).toMatchObject({ lastSuccessMs: foundMs + 60_000 });
    expect(status()).not.toHaveProperty("lastError");
    await stop();
  });

  test("that finds nothing, or nothing any more, is in the log", async () => {
    const { told, clock, log, stop } = await discovery();
    told.report.complete();
    told.report.found("a", [target("a:1")]);
    told.report.complete();
    await clock.advance(2000);
    told.report.found("a", []);
    told.report.complete();
    await clock.advance(2000);
    expect(log.messages("info")).toEqual([
      "No targets are discovered",
      "Targets are discovered",
      "No targets are discovered any more",
    ]);
    await stop();
  });

  test("does not speak of last good targets where there never were any", async () => {
    const { told, log, stop } = await discovery();
    told.report.failed("a", new Error("No such file"));
    told.report.found("b", [target("b:1")]);
    told.report.failed("b", new Error("No such name"));
    expect(log.messages("warn")).toEqual(["Targets not discovered", "Targets not discovered; the last good ones stay"]);
    await stop();
  });
});
