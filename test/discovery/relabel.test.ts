import { afterEach, describe, expect, test } from "bun:test";
import type { Component } from "../../src/component/index.ts";
import { relabelKind } from "../../src/discovery/relabel.ts";
import type { RelabelArguments } from "../../src/discovery/relabel-arguments.ts";
import { labelsOf, labelsToJson, type Target, type TargetSource } from "../../src/model/index.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { testContext } from "../support/context.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { parseMetrics, sumOf } from "../support/parse-metrics.ts";
import { parseIn } from "./running-discovery.ts";

/** Targets that a test changes by hand. */
class ChangingTargets implements TargetSource {
  readonly #listeners = new Set<() => void>();
  #targets: readonly Target[] = [];

  get subscribers(): number {
    return this.#listeners.size;
  }

  current(): readonly Target[] {
    return this.#targets;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  become(targets: readonly Target[]): void {
    this.#targets = targets;
    for (const listener of this.#listeners) listener();
  }
}

const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

function start(written: unknown) {
  const found = new ChangingTargets();
  const log = createMemoryLog();
  const metrics = createMetrics();
  const clock = new FakeClock();
  const context = testContext({
    id: "discovery.relabel.a",
    clock,
    log,
    metrics,
    targets: new Map<string, TargetSource>([
      ["discovery.http.found", found],
      ["discovery.http.new", { current: () => [], hasAnswered: false, subscribe: () => () => {} }],
    ]),
  });
  const parsed = (table: unknown): RelabelArguments => parseIn("/", relabelKind, table);
  const component: Component<RelabelArguments> = relabelKind.create(parsed(written), context);
  const source = component.exports.targets as TargetSource;
  const changes = { count: 0 };
  source.subscribe(() => changes.count++);
  const stop = new AbortController();
  const running = component.run(stop.signal);
  // Having nothing is its first answer.
  changes.count = 0;
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  ended.push(end);
  return {
    found,
    clock,
    log,
    changes,
    end,
    targets: () => source.current().map(labelsToJson),
    snapshot: () => component.snapshot(),
    apply: (table: unknown) => component.applyConfig(parsed(table)),
    metrics: async () => parseMetrics(await metrics.text()),
  };
}

const a = labelsOf({ __address__: "a:1", team: "shop" });
const b = labelsOf({ __address__: "b:1", team: "bank" });
const keepShop = { action: "keep", source_labels: "team", regex: "shop" };

describe("discovery.relabel", () => {
  test("relabels literals and what others find, in their order", () => {
    const { found, targets } = start({
      targets: [{ __address__: "z:1" }, "discovery.http.found.targets"],
      rule: [{ target_label: "zone", replacement: "eu" }],
    });
    expect(targets()).toEqual([{ __address__: "z:1", zone: "eu" }]);
    found.become([a]);
    expect(targets()).toEqual([
      { __address__: "z:1", zone: "eu" },
      { __address__: "a:1", team: "shop", zone: "eu" },
    ]);
  });

  test("follows its sources at once, and tells only what changes for others", () => {
    const { found, targets, changes } = start({ targets: "discovery.http.found", rule: keepShop });
    found.become([a]);
    expect([changes.count, targets()]).toEqual([1, [labelsToJson(a)]]);
    found.become([a, b]);
    expect([changes.count, targets()]).toEqual([1, [labelsToJson(a)]]);
    found.become([b]);
    expect([changes.count, targets()]).toEqual([2, []]);
  });

  test("relabels thousands over several turns, in which others run, and publishes them together", async () => {
    const { found, clock, changes, targets, apply } = start({ targets: "discovery.http.found", rule: keepShop });
    const many = Array.from({ length: 1000 }, (_, index) => labelsOf({ __address__: `${index}:1`, team: "shop" }));
    found.become(many);
    expect([changes.count, targets().length]).toEqual([0, 0]);
    await clock.advance(0);
    expect([changes.count, targets().length]).toEqual([1, 1000]);
    // What is done already is not done anew, and what is under way is not mixed with other rules.
    found.become([...many, a]);
    expect(targets().length).toBe(1001);
    apply({ targets: "discovery.http.found", rule: { ...keepShop, action: "drop" } });
    expect(targets().length).toBe(1001);
    found.become([...many, a, b]);
    await clock.advance(0);
    expect(targets()).toEqual([labelsToJson(b)]);
    expect(clock.pending).toBe(0);
  });

  test("keeps what it exports until the sources of a reload have answered", async () => {
    const { found, clock, targets, apply } = start({ targets: ["discovery.http.found", "discovery.http.old"] });
    found.become([a]);
    apply({ targets: ["discovery.http.found", "discovery.http.new"] });
    expect(targets()).toEqual([labelsToJson(a)]);
    found.become([]);
    expect(targets()).toEqual([labelsToJson(a)]);
    await clock.advance(5000);
    expect(targets()).toEqual([]);
  });

  test("makes the address of a target that has none", () => {
    const { targets } = start({
      targets: [{ host: "a" }],
      rule: [{ source_labels: "host", target_label: "__address__", replacement: "$1:6060" }],
    });
    expect(targets()).toEqual([{ __address__: "a:6060", host: "a" }]);
  });

  test("takes new rules while it runs", () => {
    const { found, targets, apply } = start({ targets: "discovery.http.found", rule: keepShop });
    found.become([a, b]);
    apply({ targets: "discovery.http.found", rule: { ...keepShop, action: "drop" } });
    expect(targets()).toEqual([labelsToJson(b)]);
    expect(found.subscribers).toBe(1);
  });

  test("counts what goes in and out, and what each rule drops", async () => {
    const { found, snapshot, metrics } = start({
      targets: ["discovery.http.found", { __address__: "c:1", team: "none" }],
      rule: [{ action: "drop", source_labels: "team", regex: "bank" }, keepShop],
    });
    found.become([a, b]);
    expect(snapshot()).toEqual({
      discovery: {
        targets: 1,
        dropped: 2,
        skipped: 0,
        sources: 2,
        shownSources: [
          { name: "", targets: 1, fromDisk: false },
          { name: "discovery.http.found", targets: 2, fromDisk: false },
        ],
      },
      relabel: {
        in: 3,
        out: 1,
        failed: 0,
        dropped: [
          { rule: "rule[0]", description: 'drop where team matches "bank"', targets: 1 },
          { rule: "rule[1]", description: 'keep where team matches "shop"', targets: 1 },
        ],
      },
    });
    const labels = { component_id: "discovery.relabel.a" };
    const read = await metrics();
    expect(sumOf(read, { name: "discovery_targets", labels })).toBe(1);
    expect(sumOf(read, { name: "discovery_relabel_dropped_targets", labels })).toBe(2);
  });

  test("skips a target of which rules make too much, and says so once", () => {
    const rule = Array.from({ length: 20 }, () => ({
      source_labels: "team",
      target_label: "team",
      replacement: "$1$1",
    }));
    const { found, targets, log, snapshot } = start({ targets: "discovery.http.found", rule });
    const none = labelsOf({ __address__: "c:1" });
    found.become([a, none]);
    found.become([a, none]);
    expect(targets()).toEqual([labelsToJson(none)]);
    expect(snapshot()["relabel"]).toMatchObject({ in: 2, out: 1, failed: 1 });
    expect(log.messages("warn")).toEqual(["Target skipped"]);
  });

  test("leaves its sources alone once it has ended", async () => {
    const { found, end } = start({ targets: "discovery.http.found" });
    expect(found.subscribers).toBe(1);
    await end();
    expect(found.subscribers).toBe(0);
  });
});
