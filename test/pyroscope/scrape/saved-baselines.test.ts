import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { type BootClock, limits } from "../../../src/base/index.ts";
import { type Baseline, computeDelta } from "../../../src/pprof/index.ts";
import { type BaselineTable, createBaselineTable } from "../../../src/pyroscope/scrape/baselines.ts";
import { saveBaselines, takeBaselines } from "../../../src/pyroscope/scrape/keep-baselines.ts";
import { decodeSlots, encodeSlots, type Moment } from "../../../src/pyroscope/scrape/saved-baselines.ts";
import type { DataDirectory } from "../../../src/storage/index.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { rawRecording } from "../../support/recordings.ts";

const cumulative = ["alloc_objects/count", "alloc_space/bytes"];

function recorded(number: number): Baseline {
  const options = { cumulative, baseline: undefined, maxBaselineBytes: 1e6 };
  return computeDelta(rawRecording("allocs", number), options).next as Baseline;
}

/** A table with a released slot of each key. */
function tableOf(keys: readonly string[], clock = new FakeClock()): BaselineTable {
  const table = createBaselineTable(clock);
  for (const [index, key] of keys.entries()) {
    const slot = table.acquire(key, "");
    slot.commit(recorded(index + 1), "continued");
    slot.release();
  }
  return table;
}

/** What a machine's clocks say some time after its first start, or in an earlier run. */
const moment = (wallMs: number, given: Partial<Moment> = {}): Moment => ({
  wallMs,
  bootMs: 5000,
  bootId: "this run",
  ...given,
});
const inEarlierRun = (wallMs: number): Moment => moment(wallMs, { bootMs: 90_000, bootId: "an earlier run" });

function fileOf(table: BaselineTable, saved: Moment): Uint8Array {
  return new Uint8Array(Buffer.concat([...encodeSlots(table.saved(), saved).parts]));
}

function slotsIn(file: Uint8Array, now: Moment) {
  const found = decodeSlots(file, now);
  if ("unusable" in found) throw new Error(found.unusable);
  return found.slots;
}

const savedAtMs = Date.UTC(2026, 5, 1);

describe("a table of baselines", () => {
  test("goes on after a restart where it was: baselines, and whether deltas are withheld", () => {
    const table = tableOf(["a\nmemory\nhttp://a/", "b\nübung\nhttp://b/"]);
    const jumpy = table.acquire("jumpy", "");
    for (let i = 0; i < 4; i++) jumpy.commit(recorded(3), "restarted");
    for (let i = 0; i < 7; i++) jumpy.commit(recorded(3), "continued");
    expect(jumpy.guard.withholds).toBe(true);
    table.acquire("never scraped", "");

    const next = createBaselineTable(new FakeClock());
    expect(next.restore(slotsIn(fileOf(table, inEarlierRun(savedAtMs)), moment(savedAtMs + 1000)))).toBe(3);

    expect(next.bytes).toBe(recorded(1).bytes + recorded(2).bytes + recorded(3).bytes);
    const raw = rawRecording("allocs", 5);
    for (const key of ["a\nmemory\nhttp://a/", "b\nübung\nhttp://b/"]) {
      const [before, after] = [table, next].map((one) => one.acquire(key, "").baseline);
      const options = { cumulative, maxBaselineBytes: 1e6 };
      const expected = computeDelta(raw, { ...options, baseline: before }).raw as Uint8Array;
      expect(computeDelta(raw, { ...options, baseline: after }).raw).toEqual(expected);
    }
    const slot = next.acquire("jumpy", "");
    expect(slot.guard.state).toEqual(jumpy.guard.state);
    expect([slot.guard.withholds, slot.withheld]).toEqual([true, undefined]);
  });

  test("drops what no loop takes after a restart within an hour", async () => {
    const clock = new FakeClock();
    const next = createBaselineTable(clock);
    next.restore(tableOf(["a", "b"]).saved());
    next.acquire("a", "");
    await clock.advance(limits.baselineAgeMs + 60_000);
    next.acquire("c", "");
    expect([next.size, next.bytes]).toEqual([2, recorded(1).bytes]);
  });

  test("saves no slot that was released an hour ago", async () => {
    const clock = new FakeClock();
    const table = tableOf(["a"], clock);
    await clock.advance(limits.baselineAgeMs + 1);
    expect(table.saved()).toEqual([]);
  });

  test("drops what no loop has had for an hour in all, however often the agent restarts", async () => {
    const minutes = (count: number): number => count * 60_000;
    let clock = new FakeClock();
    let table = tableOf(["gone"], clock);
    const sizes: number[] = [];
    for (let restart = 1; restart <= 4; restart++) {
      await clock.advance(minutes(10));
      const file = fileOf(table, moment(savedAtMs));
      clock = new FakeClock();
      table = createBaselineTable(clock);
      table.restore(slotsIn(file, moment(savedAtMs, { bootMs: 5000 + minutes(8) })));
      sizes.push(table.size);
    }
    expect(sizes).toEqual([1, 1, 1, 0]);
  });

  test("leaves the one that was pushed last to the next run's loop, where several share its name", () => {
    const table = createBaselineTable(new FakeClock());
    const [gone, last] = ["gone", "last"].map((series) => table.acquire("name", series));
    gone?.commit(recorded(1));
    gone?.release();
    last?.commit(recorded(3));
    const next = createBaselineTable(new FakeClock());
    expect(next.restore(slotsIn(fileOf(table, moment(savedAtMs)), moment(savedAtMs)))).toBe(2);
    expect(next.acquire("name", "another").baseline?.bytes).toBe(recorded(3).bytes);
    expect(next.acquire("name", "gone").baseline?.bytes).toBe(recorded(1).bytes);
  });

  test("restores no more than its bounds allow, and nothing over what is there", () => {
    const table = createBaselineTable(new FakeClock());
    const held = table.acquire("held", "");
    held.commit(recorded(1));
    const heldGroup = table.saved()[0]?.group as string;
    const slot = (group: string, bytes: number) => ({
      group,
      series: "",
      ageMs: 0,
      baseline: { bytes } as Baseline,
      guard: { history: [], withholds: false },
    });
    const many = Array.from({ length: 20 }, (_, i) => slot(`large ${i}`, limits.baselineBytes));
    expect(table.restore([slot("too large", limits.baselineBytes + 1), slot(heldGroup, 100), ...many])).toBe(15);
    expect(table.bytes).toBeLessThanOrEqual(limits.baselinesBytes);
    expect(held.baseline?.bytes).toBe(recorded(1).bytes);
  });

  test("is saved only as far as the file may grow", () => {
    const baseline = recorded(1);
    const guard = { history: [], withholds: false };
    const slots = Array.from({ length: 40 }, (_, i) => ({
      group: String(i).padEnd(2 ** 20),
      series: "",
      ageMs: 0,
      baseline,
      guard,
    }));
    const { parts, saved, left } = encodeSlots(slots, inEarlierRun(savedAtMs));
    expect([saved, left]).toEqual([31, 9]);
    expect(Buffer.concat([...parts]).length).toBeLessThanOrEqual(limits.savedBaselinesBytes);
  });
});

describe("the file of baselines", () => {
  const whole = fileOf(tableOf(["a"]), inEarlierRun(savedAtMs));

  const unusable: Readonly<Record<string, [file: Uint8Array, nowMs: number, why: RegExp, isDamaged?: true]>> = {
    "is empty": [new Uint8Array(), savedAtMs, /form/, true],
    "is of another version": [Buffer.from([...Buffer.from("pprofbl1"), ...whole.subarray(8)]), savedAtMs, /form/, true],
    "is older than an hour": [whole, savedAtMs + limits.baselineAgeMs + 1, /too old/],
    "was saved in the future": [whole, savedAtMs - 1, /clock went back/],
    "is read before the clock is set": [whole, 60_000, /clock is not set/],
    "was saved before the clock was set": [fileOf(tableOf(["a"]), inEarlierRun(60_000)), savedAtMs, /clock is not set/],
    "has no time": [fileOf(tableOf(["a"]), inEarlierRun(Number.NaN)), savedAtMs, /clock is not set/],
  };
  for (const [what, [file, nowMs, why, isDamaged = false]] of Object.entries(unusable))
    test(`is not used where it ${what}`, () => {
      expect(decodeSlots(file, moment(nowMs))).toEqual({ unusable: expect.stringMatching(why) as string, isDamaged });
    });

  test("is used up to the age of an hour", () => {
    expect(slotsIn(whole, moment(savedAtMs + limits.baselineAgeMs))).toHaveLength(1);
  });

  test("is as old as the machine's uptime says where it was saved in the same run, whatever the clock says", () => {
    const file = fileOf(tableOf(["a"]), moment(60_000, { bootMs: 5000 }));
    const later = (ms: number): Moment => moment(savedAtMs, { bootMs: 5000 + ms });
    expect(decodeSlots(file, later(limits.baselineAgeMs))).toMatchObject({ ofEarlierBoot: false });
    expect(decodeSlots(file, later(limits.baselineAgeMs + 1))).toMatchObject({ unusable: "it is too old" });
  });

  test("says nothing of the URLs, which may hold tokens", () => {
    const file = fileOf(tableOf(["a\nmemory\nhttp://a/?token=hunter2"]), moment(savedAtMs));
    expect(Buffer.from(file).toString("latin1")).not.toMatch(/hunter2|http|token/);
  });

  test("of before slots had a series is used", () => {
    const slot = { group: "a", series: "", ageMs: 0, baseline: recorded(1), guard: { history: [], withholds: true } };
    const [header, encoded] = encodeSlots([slot], moment(savedAtMs)).parts as [Uint8Array, Uint8Array];
    // Its key was the group alone, without a dot.
    const old = Buffer.concat([encoded.subarray(0, 17), encoded.subarray(18)]);
    old.writeUInt32LE(1);
    const file = Buffer.concat([header, old]);
    file.writeUInt32LE(crc32(file.subarray(12)), 8);
    expect(slotsIn(file, moment(savedAtMs))).toEqual([slot]);
  });

  test("is not used where any byte is another, or where it is cut anywhere", () => {
    for (let at = 0; at < whole.length; at += at < 64 ? 1 : 97) {
      const damaged = whole.slice();
      damaged[at] = (damaged[at] as number) ^ 0x10;
      expect(decodeSlots(damaged, moment(savedAtMs)), `byte ${at}`).toHaveProperty("unusable");
      expect(decodeSlots(whole.subarray(0, at), moment(savedAtMs)), `cut at ${at}`).toHaveProperty("unusable");
    }
  });

  test("of somebody who knows the checksum is refused all the same", () => {
    const baseline = recorded(1);
    const wrongHistory = { history: ["continued", "nonsense"] as "continued"[], withholds: false };
    const [header, slot] = encodeSlots(
      [{ group: "a", series: "", ageMs: 0, baseline, guard: wrongHistory }],
      inEarlierRun(savedAtMs),
    ).parts;
    expect(decodeSlots(Buffer.concat([header as Uint8Array, slot as Uint8Array]), moment(savedAtMs))).toEqual({
      unusable: "the file is damaged: its content makes no sense",
      isDamaged: true,
    });
  });
});

/** A directory that holds files in memory. */
function memoryDirectory(path: string) {
  const files = new Map<string, Uint8Array>();
  const storage: Pick<DataDirectory, "path" | "save" | "take"> = {
    path,
    save(name, parts, { makeDirectory } = { makeDirectory: true }) {
      if (!makeDirectory && !existsSync(path)) return Promise.resolve(false);
      files.set(name, new Uint8Array(Buffer.concat([...parts])));
      return Promise.resolve(true);
    },
    take(name) {
      const bytes = files.get(name);
      files.delete(name);
      return Promise.resolve(bytes);
    },
  };
  return { files, storage: storage as DataDirectory };
}

describe("keeping baselines from one run to the next", () => {
  /** A run of a machine that cannot tell its starts apart. */
  const setting = (path = "/nowhere/at/all") => {
    const clock = new FakeClock();
    const log = createMemoryLog();
    const boot: BootClock = { id: "", nowMs: () => clock.uptime() };
    return { ...memoryDirectory(path), clock, boot, log };
  };

  test("leaves a file that the next run uses once", async () => {
    const { storage, files, clock, boot, log } = setting();
    await saveBaselines(tableOf(["a", "b"]), { storage, clock, boot, log, mayMakeDirectory: true });
    expect(files.size).toBe(1);
    const [next, afterNext] = [createBaselineTable(clock), createBaselineTable(clock)];
    await takeBaselines(next, { storage, clock, boot, log });
    await takeBaselines(afterNext, { storage, clock, boot, log });
    expect([next.size, afterNext.size, files.size]).toEqual([2, 0, 0]);
    expect(log.messages("warn")).toEqual([]);
  });

  test("makes no directory for nothing, nor where none may be made", async () => {
    const { storage, files, clock, boot, log } = setting();
    await saveBaselines(createBaselineTable(clock), { storage, clock, boot, log, mayMakeDirectory: true });
    await saveBaselines(tableOf(["a"]), { storage, clock, boot, log, mayMakeDirectory: false });
    expect(files.size).toBe(0);

    const path = mkdtempSync(join(tmpdir(), "pprof-baselines-"));
    try {
      const there = setting(path);
      await saveBaselines(tableOf(["a"]), { ...there, mayMakeDirectory: false });
      expect(there.files.size).toBe(1);
    } finally {
      rmSync(path, { recursive: true });
    }
  });

  test("says why a file is not used, and that it cannot be read or written", async () => {
    const { storage, files, clock, boot, log } = setting();
    await saveBaselines(tableOf(["a"]), { storage, clock, boot, log, mayMakeDirectory: true });
    clock.jumpWall(-60_000);
    const table = createBaselineTable(clock);
    await takeBaselines(table, { storage, clock, boot, log });
    expect(table.size).toBe(0);
    expect(log.lines.at(-1)).toMatchObject({
      level: "debug",
      message: "Delta baselines of the last run not used",
      fields: { why: expect.stringContaining("the clock went back") as string },
    });

    files.set("baselines", new Uint8Array(100));
    await takeBaselines(table, { storage, clock, boot, log });
    expect(log.messages("warn")).toEqual(["Delta baselines of the last run not used"]);

    const fail = (): Promise<never> => Promise.reject(new Error("disk full"));
    const broken = { ...storage, save: fail, take: fail };
    await saveBaselines(tableOf(["a"]), { storage: broken, clock, boot, log, mayMakeDirectory: true });
    await takeBaselines(table, { storage: broken, clock, boot, log });
    expect(log.messages("warn")).toHaveLength(3);
  });
});
