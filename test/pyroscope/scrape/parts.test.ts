import { describe, expect, test } from "bun:test";
import { limits } from "../../../src/base/index.ts";
import type { Baseline } from "../../../src/pprof/index.ts";
import { createBaselineTable } from "../../../src/pyroscope/scrape/baselines.ts";
import { labelsOf } from "../../../src/model/index.ts";
import { fetchExclusively } from "../../../src/pyroscope/scrape/fetch-exclusively.ts";
import { planScrapes, type Scrape } from "../../../src/pyroscope/scrape/plan.ts";
import { createCpuSlots } from "../../../src/pyroscope/scrape/cpu-slots.ts";
import { createRestartGuard } from "../../../src/pyroscope/scrape/restart-guard.ts";
import { createSchedule, hashText } from "../../../src/pyroscope/scrape/schedule.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

const noSignal = new AbortController().signal;

describe("createSchedule()", () => {
  const intervalMs = 15_000;

  test("first falls within the first interval and keeps its wall-clock phase over restarts", () => {
    const phases = [0, 1234, 14_999, 3_600_001].map((startMs) => {
      const clock = new FakeClock(startMs);
      const { dueMs } = createSchedule("a", { intervalMs, clock }).next();
      const waitMs = dueMs - clock.monotonic();
      expect(waitMs).toBeGreaterThanOrEqual(0);
      expect(waitMs).toBeLessThan(intervalMs);
      return Math.round((startMs + waitMs) % intervalMs);
    });
    expect(new Set(phases).size).toBe(1);
  });

  test("spreads identities evenly over the interval", () => {
    const buckets = Array.from({ length: 15 }, () => 0);
    for (let i = 0; i < 3000; i++) {
      const share = hashText(`memory\nhttp://10.0.${i % 12}.${i}:6060/debug/pprof/allocs`) / 2 ** 32;
      const bucket = Math.floor(share * 15);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    expect(Math.min(...buckets)).toBeGreaterThan(140);
    expect(Math.max(...buckets)).toBeLessThan(260);
  });

  test("skips and counts the ticks that a slow scrape ran over, and keeps the phase", async () => {
    const clock = new FakeClock();
    const schedule = createSchedule("a", { intervalMs, clock });
    const first = schedule.next();
    await clock.advance(first.dueMs - clock.monotonic() + 40_000);
    expect(schedule.next(first.dueMs)).toEqual({ dueMs: first.dueMs + 45_000, skipped: 2 });
  });
});

describe("createSchedule().next()", () => {
  test("does not give a tick again to a scrape that a timer started early and that is done before its time", () => {
    const clock = new FakeClock();
    const schedule = createSchedule("a", { intervalMs: 15_000, clock });
    const first = schedule.next();
    expect(schedule.next(first.dueMs)).toEqual({ dueMs: first.dueMs + 15_000, skipped: 0 });
  });
});

describe("createCpuSlots()", () => {
  test("lets one through at a time, in order, and forgets who gave up", async () => {
    const clock = new FakeClock();
    const slots = createCpuSlots(clock);
    const order: string[] = [];
    const take = async (name: string, patienceMs: number) => {
      const release = await slots.take("host:1", { patienceMs, signal: noSignal });
      order.push(release ? name : `${name} gave up`);
      return release;
    };
    const first = await take("first", 10);
    const second = take("second", 100);
    const third = take("third", 1000);
    await clock.advance(200);
    first?.();
    (await third)?.();
    expect(await second).toBeUndefined();
    expect(order).toEqual(["first", "second gave up", "third"]);
    expect(await take("fourth", 0)).toBeDefined();
  });

  test("keeps processes apart and gives up on abort", async () => {
    const slots = createCpuSlots(new FakeClock());
    await slots.take("host:1", { patienceMs: 0, signal: noSignal });
    expect(await slots.take("host:2", { patienceMs: 0, signal: noSignal })).toBeDefined();
    const stop = new AbortController();
    const waiting = slots.take("host:1", { patienceMs: 60_000, signal: stop.signal });
    stop.abort();
    expect(await waiting).toBeUndefined();
    expect(await slots.take("host:1", { patienceMs: 60_000, signal: stop.signal })).toBeUndefined();
  });
});

describe("fetchExclusively()", () => {
  test("gives back a slot that it is handed at the moment it is stopped", async () => {
    const clock = new FakeClock();
    const cpuSlots = createCpuSlots(clock);
    const args = parseScrapeArguments();
    const { scrapes } = planScrapes([labelsOf({ __address__: "host:1" })], { id: "x", args, infersServiceName: true });
    const scrape = scrapes.find(({ exclusive }) => exclusive) as Scrape;
    const first = await cpuSlots.take("host:1", { patienceMs: 0, signal: noSignal });
    const stop = new AbortController();
    const fetch = () => Promise.reject(new Error("Must not be requested"));
    const waiting = fetchExclusively(scrape, { clock, cpuSlots, nextDueMs: 15_000, signal: stop.signal, fetch });
    first?.();
    stop.abort(new Error("Stopped"));
    await expect(waiting).rejects.toThrow("Stopped");
    expect(await cpuSlots.take("host:1", { patienceMs: 0, signal: noSignal })).toBeDefined();
  });
});

describe("createRestartGuard()", () => {
  test("withholds after four restarts in eight scrapes and trusts again after eight without", () => {
    const guard = createRestartGuard();
    for (const comparison of ["restarted", "continued", "restarted", "restarted"] as const) guard.note(comparison);
    expect([guard.withholds, guard.watches]).toEqual([false, true]);
    expect(guard.wouldWithhold("restarted")).toBe(true);
    guard.note("restarted");
    expect(guard.withholds).toBe(true);
    for (let i = 0; i < 7; i++) guard.note("continued");
    expect(guard.withholds).toBe(true);
    guard.note("continued");
    expect([guard.withholds, guard.watches]).toEqual([false, false]);
  });

  test("bears with a process that crashes at every third scrape", () => {
    const guard = createRestartGuard();
    for (let i = 0; i < 30; i++) guard.note(i % 3 === 0 ? "restarted" : "continued");
    expect(guard.withholds).toBe(false);
  });

  test("withholds at once where a process comes back", () => {
    const guard = createRestartGuard();
    guard.note("restarted");
    guard.note("returned");
    expect(guard.withholds).toBe(true);
  });
});

describe("createBaselineTable()", () => {
  const baseline = (bytes: number) => ({ bytes, stacks: 1 }) as unknown as Baseline;

  test("keeps a released baseline for the next loop of the same key", () => {
    const table = createBaselineTable(new FakeClock());
    const slot = table.acquire("k", "k2");
    slot.commit(baseline(100));
    slot.release();
    expect(table.acquire("k", "k2").baseline).toEqual(baseline(100));
  });

  test("gives a second loop of a held key a slot of its own", () => {
    const table = createBaselineTable(new FakeClock());
    table.acquire("k", "a").commit(baseline(100));
    expect(table.acquire("k", "b").baseline).toBeUndefined();
    expect(table.size).toBe(2);
  });

  test("keeps what a restart made useless as long as the restart is recent, and counts its bytes", () => {
    const slot = createBaselineTable(new FakeClock()).acquire("k", "k2");
    slot.commit(baseline(100));
    slot.commit(baseline(10), "restarted");
    expect(slot.beforeRestart).toEqual(baseline(100));
    for (let i = 0; i < 8; i++) slot.commit(baseline(20), "continued");
    expect(slot.beforeRestart).toBeUndefined();
  });

  test("drops what nobody used for an hour and counts bytes", async () => {
    const clock = new FakeClock();
    const table = createBaselineTable(clock);
    const slot = table.acquire("k", "k2");
    slot.commit(baseline(100));
    slot.commit(baseline(300));
    expect(table.bytes).toBe(300);
    slot.release();
    await clock.advance(limits.baselineAgeMs + 1);
    table.acquire("other", "other2");
    expect([table.bytes, table.size]).toEqual([0, 1]);
  });

  test("allows a slot less as all together come near their bound", () => {
    const table = createBaselineTable(new FakeClock());
    const first = table.acquire("k", "a");
    expect(first.maxBytes).toBe(limits.baselineBytes);
    first.commit(baseline(limits.baselinesBytes - 1000));
    expect(table.acquire("l", "b").maxBytes).toBe(1000);
  });

  test("gives up processes from before a restart, the longest gone first, before it allows a slot less", () => {
    const table = createBaselineTable(new FakeClock());
    const slots = Array.from({ length: 4 }, (_, at) => table.acquire(String(at), ""));
    const quarter = limits.baselinesBytes / 4;
    for (const slot of slots) slot.commit(baseline(quarter));
    for (const slot of slots) slot.commit(baseline(quarter - limits.baselineBytes), "restarted");
    expect(table.bytes).toBeLessThanOrEqual(limits.baselinesBytes);
    expect(slots.map(({ maxBytes }) => maxBytes)).toEqual(slots.map(() => limits.baselineBytes));

    const small = createBaselineTable(new FakeClock());
    const [first, second] = ["first", "second"].map((name) => small.acquire(name, ""));
    for (const slot of [first, second]) slot?.commit(baseline(quarter));
    for (const slot of [first, second]) slot?.commit(baseline(10), "restarted");
    small.acquire("third", "").commit(baseline(3 * quarter - 100));
    expect([first?.beforeRestart, second?.beforeRestart]).toEqual([undefined, baseline(quarter)]);
  });

  test("gives a loop the slot of its series, else the one committed last of all, else a new one", () => {
    const table = createBaselineTable(new FakeClock());
    const slots = ["a", "b", "c"].map((series) => table.acquire("k", series));
    for (const [at, slot] of slots.entries()) slot.commit(baseline(at + 1));
    slots[2]?.rename("d");
    for (const slot of slots.toReversed()) slot.release();
    const given = ["a", "c", "d"].map((series) => table.acquire("k", series).baseline?.bytes);
    // What has grown since the others were committed has been pushed.
    expect(given).toEqual([1, 3, undefined]);
    expect(table.size).toBe(4);
  });

  test("forgets the free slots of a name", () => {
    const table = createBaselineTable(new FakeClock());
    const [held, free] = ["a", "b"].map((series) => table.acquire("k", series));
    for (const slot of [held, free]) slot?.commit(baseline(100));
    free?.release();
    table.forget("k");
    expect([table.size, table.bytes]).toEqual([1, 100]);
  });

  test("keeps nothing of what had no baseline", () => {
    const table = createBaselineTable(new FakeClock());
    table.acquire("k", "").release();
    expect(table.size).toBe(0);
  });

  test("drops those of targets that left, the longest gone first, before it allows a slot less", () => {
    const table = createBaselineTable(new FakeClock());
    const eighth = limits.baselinesBytes / 8;
    const slots = ["a", "b", "c", "d", "e", "f", "g", "h"].map((key) => table.acquire(key, ""));
    for (const slot of slots) slot.commit(baseline(eighth));
    for (const index of [3, 1]) slots[index]?.release();
    const next = table.acquire("new", "");
    expect(next.maxBytes).toBe(limits.baselineBytes);
    next.commit(baseline(eighth));
    expect(table.acquire("d", "").baseline).toBeUndefined();
    expect(table.acquire("b", "").baseline).toEqual(baseline(eighth));
  });
});
