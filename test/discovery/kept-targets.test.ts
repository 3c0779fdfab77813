import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits } from "../../src/base/index.ts";
import { removeLeftTargets } from "../../src/discovery/index.ts";
import { argumentsHash } from "../../src/discovery/keep-targets.ts";
import { decodeKept, encodeKept } from "../../src/discovery/kept-targets-file.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { createDataDirectory } from "../../src/storage/index.ts";
import { eventually } from "../support/child.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { memoryStorage } from "./running-discovery.ts";
import { discovery, target } from "./told-discovery.ts";

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

  test("is not used by other arguments, unless they differ in how often it is looked", async () => {
    const first = await discovery();
    first.told.report.found("a", [target("a:1")]);
    await first.stop();
    const second = await discovery({ memory: memoryStorage(new Map(first.memory.files)), args: "other" });
    expect(second.addresses()).toEqual([]);
    expect(second.log.messages("info")).toContain(
      "Targets of the last run are not used: they are old, or were found with other arguments",
    );
    await second.stop();
    expect(second.memory.files.size).toBe(0);
    expect(argumentsHash({ url: "a", refresh_interval: "5s" })).toBe(argumentsHash({ url: "a", refresh_interval: 1 }));
    expect(argumentsHash({ url: "a" })).not.toBe(argumentsHash({ url: "b" }));
  });

  test("keeps what each source was found with while new arguments have no answer", async () => {
    const first = await discovery();
    first.told.report.found("a", [target("a:1")]);
    first.component.applyConfig("second");
    first.told.report.failed("", new Error("Offline"));
    await first.stop();
    const old = await discovery({ memory: memoryStorage(new Map(first.memory.files)) });
    expect(old.addresses()).toEqual(["a:1"]);
    await old.stop();
    const second = await discovery({ memory: first.memory, args: "second" });
    expect(second.addresses()).toEqual([]);
    await second.stop();
  });

  const foundMs = Date.UTC(2030, 0, 1);
  const week = limits.keptTargetsAgeMs;
  test.each([
    ["for a week", foundMs, foundMs + week, ["a:1"]],
    ["no longer", foundMs, foundMs + week + 1, []],
    ["by a clock that is not set", foundMs, 0, ["a:1"]],
    ["where the clock was not set", 0, foundMs, ["a:1"]],
  ])("is used %s", async (_title, then, now, expected) => {
    const first = await discovery({ startMs: then });
    first.told.report.found("a", [target("a:1")]);
    await first.stop();
    const second = await discovery({ memory: first.memory, startMs: now });
    expect(second.addresses()).toEqual(expected);
    await second.stop();
  });

  test("shows that targets which never change were there until the power cut, with a write a day", async () => {
    const { told, memory, clock, stop } = await discovery();
    for (let hour = 0; hour < 30 * 24; hour++) {
      told.report.found("a", [target("a:1")]);
      told.report.complete();
      await clock.advance(3_600_000);
    }
    expect(memory.saves()).toBeWithin(25, 32);
    const later = await discovery({ memory: memoryStorage(new Map(memory.files)), startMs: clock.now() + week / 2 });
    expect(later.addresses()).toEqual(["a:1"]);
    await later.stop();
    await stop();
  });

  test("goes once its component has left the configuration", async () => {
    const [clock, log] = [new FakeClock(), createMemoryLog()];
    const path = mkdtempSync(join(tmpdir(), "left-targets-"));
    const storage = createDataDirectory(path, { clock, log, metrics: createMetrics() });
    const names = ["targets-discovery.test.a.json", "targets-discovery.test.b.json", "baselines"];
    for (const name of names) await storage.save(name, [Buffer.from("{}")]);
    let components = [{ id: "discovery.test.a" }, { id: "discovery.test.b" }];
    const controller = new AbortController();
    const ended = removeLeftTargets({ storage, clock, log, components: () => components }, controller.signal);
    expect(await storage.files()).toHaveLength(3);
    components = [{ id: "discovery.test.b" }];
    await eventually("the file is gone", async () => {
      await clock.advance(limits.leftTargetsCheckMs);
      return (await storage.files()).length === 2 ? true : undefined;
    });
    expect((await storage.files()).toSorted()).toEqual(["baselines", "targets-discovery.test.b.json"]);
    controller.abort();
    await ended;
    await storage.close();
    rmSync(path, { recursive: true });
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

  test("is made in many turns of the event loop where it is much", async () => {
    const labels = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`label_${at}`, "生産".repeat(10)]));
    const sources = ["a", "b"].map((source) => ({
      source,
      foundMs,
      foundWith: "x",
      targets: Array.from({ length: 2500 }, (_, at) => target(`${source}:${at}`, labels)),
    }));
    let turns = 0;
    let next = setImmediate(function count() {
      turns++;
      next = setImmediate(count);
    });
    const parts = await encodeKept({ sources, confirmedMs: foundMs });
    clearImmediate(next);
    expect(turns).toBeGreaterThan(5);
    expect(decodeKept(Buffer.concat(parts))).toEqual({ sources, confirmedMs: foundMs });
    expect(decodeKept(Buffer.concat(await encodeKept({ sources: [], confirmedMs: 0 })))).toEqual({
      sources: [],
      confirmedMs: 0,
    });
  });

  test("is not written where it would be too large to be read, which costs one warning", async () => {
    const { told, memory, clock, log, stop } = await discovery();
    const value = "生".repeat(limits.keptTargetsBytes / 18);
    for (let round = 0; round < 2; round++) {
      const targets = Array.from({ length: 7 }, (_, at) => target(`a:${at + round}`, { line: value }));
      told.report.found("a", targets);
      await clock.advance(7_200_000);
    }
    const warnings = log.lines.filter(({ level }) => level === "warn");
    expect(warnings.map(({ fields }) => (fields["err"] as Error).message)).toEqual([
      "Cannot keep the targets: their file would be more than 64MiB; narrow down what is discovered",
    ]);
    await stop();
    expect(memory.files.size).toBe(0);
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
