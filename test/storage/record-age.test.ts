import { describe, expect, test } from "bun:test";
import { type RecordAge, recordAge } from "../../src/storage/record-age.ts";
import { FakeClock } from "../support/fake-clock.ts";

const now = Date.UTC(2026, 5, 1);
const minute = 60_000;

interface Case {
  readonly title: string;
  /** What the wall clock says now, and said when the record was appended. */
  readonly wall: readonly [now: number, then: number];
  /** The same of the boot clock. */
  readonly boot: readonly [now: number, then: number];
  readonly sameRun: boolean;
  readonly age: RecordAge;
}

const cases: readonly Case[] = [
  { title: "in one run by the boot clock", wall: [now, now], boot: [9000, 2000], sameRun: true, age: 7000 },
  { title: "in one run though the wall clock was set", wall: [now, 0], boot: [9000, 2000], sameRun: true, age: 7000 },
  { title: "in one run before it was set", wall: [9000, 2000], boot: [9000, 2000], sameRun: true, age: 7000 },
  { title: "never below zero in one run", wall: [now, 0], boot: [5001, 9000], sameRun: true, age: 0 },
  {
    title: "by the wall clock where a container has a boot clock that began anew",
    wall: [now, now - 40 * minute],
    boot: [5000, 120 * minute],
    sameRun: true,
    age: 40 * minute,
  },
  { title: "across runs by the wall clock", wall: [now, now - minute], boot: [1, 2], sameRun: false, age: minute },
  { title: "zero where the clock was a little ahead", wall: [now, now + minute], boot: [1, 2], sameRun: false, age: 0 },
  { title: "zero at five minutes ahead", wall: [now, now + 5 * minute], boot: [1, 2], sameRun: false, age: 0 },
  { title: "unknown above", wall: [now, now + 5 * minute + 1], boot: [1, 2], sameRun: false, age: "unknown" },
  { title: "unknown where it had no clock", wall: [now, 1000], boot: [1, 2], sameRun: false, age: "unknown" },
  { title: "not yet known without a clock now", wall: [1000, now], boot: [1, 2], sameRun: false, age: "not_yet" },
  { title: "not yet known without any clock", wall: [2000, 1000], boot: [1, 2], sameRun: false, age: "not_yet" },
];

describe("The age of a record", () => {
  test.each(cases)("is $title", ({ wall, boot, sameRun, age }) => {
    const time = { wallMs: wall[1], bootMs: boot[1], bootId: sameRun ? "this run" : "an earlier run" };
    const clocks = { clock: new FakeClock(wall[0]), boot: { id: "this run", nowMs: () => boot[0] } };
    expect(recordAge(time, clocks)).toBe(age);
  });

  test("goes by the wall clock where one run cannot be told from another", () => {
    const clocks = { clock: new FakeClock(now), boot: { id: "", nowMs: () => 5 } };
    expect(recordAge({ wallMs: now - minute, bootMs: 5, bootId: "" }, clocks)).toBe(minute);
  });
});
