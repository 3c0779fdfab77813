import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Baseline, computeDelta, type DeltaResult } from "../../src/pprof/index.ts";
import { stacksOf, totalsOf } from "../support/profile-builder.ts";
import { rawRecording, recordingNumbers, recordingPath } from "../support/recordings.ts";

const blocking = ["contentions/count", "delay/nanoseconds"];
const cumulativeOf = {
  allocs: ["alloc_objects/count", "alloc_space/bytes"],
  block: blocking,
  mutex: blocking,
} as const;
type CumulativeType = keyof typeof cumulativeOf;
const types = Object.keys(cumulativeOf) as CumulativeType[];

/** The results for the recordings of a type, one after another. */
function deltasOf(type: CumulativeType): DeltaResult[] {
  let baseline: Baseline | undefined;
  return recordingNumbers.map((number) => {
    const options = { cumulative: cumulativeOf[type], baseline, maxBaselineBytes: 1e6 };
    const result = computeDelta(rawRecording(type, number), options);
    baseline = result.next;
    return result;
  });
}

/** The same by arithmetic over what protobuf-es reads: growth by stack, less the stacks without a value. */
function expectedStacks(type: CumulativeType, number: number): Record<string, bigint[]> {
  const before = stacksOf(rawRecording(type, number - 1));
  const now = Object.entries(stacksOf(rawRecording(type, number)));
  const instantaneousFrom = cumulativeOf[type].length;
  const grown = now.map(([stack, values]) => {
    const growth = values.map(
      (value, column) => value - (column < instantaneousFrom ? (before[stack]?.[column] ?? 0n) : 0n),
    );
    return [stack, growth] as const;
  });
  return Object.fromEntries(grown.filter(([, values]) => values.some((value) => value !== 0n)));
}

describe("the deltas of recorded profiles", () => {
  for (const type of types) {
    test(`are, stack by stack, what protobuf-es and arithmetic give (${type})`, () => {
      for (const [index, { outcome, raw, fallen }] of deltasOf(type).entries()) {
        expect([outcome, fallen]).toEqual([index === 0 ? "first" : "delta", 0]);
        if (index > 0) expect(raw ? stacksOf(raw) : {}).toEqual(expectedStacks(type, index + 1));
      }
    });

    test(`sum up to the growth from the first to the last (${type})`, () => {
      const first = totalsOf(rawRecording(type, 1));
      const last = totalsOf(rawRecording(type, 10));
      for (const column of cumulativeOf[type]) {
        const sum = deltasOf(type).reduce(
          (total, { raw }) => total + (raw ? (totalsOf(raw)[column] as bigint) : 0n),
          0n,
        );
        expect(sum).toBe((last[column] as bigint) - (first[column] as bigint));
      }
    });
  }
});

const hasGo = spawnSync("go", ["version"]).status === 0;
if (!hasGo) console.log("skipped: the deltas are not held against `go tool pprof`, because there is no `go` here");

/** Lines of `go tool pprof -top`: flat value by function, in the column's own unit, which makes them exact. */
function goTop(column: string, args: readonly string[]): Record<string, number> {
  const [type, unit] = column.split("/");
  const command = [
    "tool",
    "pprof",
    "-top",
    "-nodecount=0",
    "-nodefraction=0",
    `-unit=${unit}`,
    `-sample_index=${type}`,
  ];
  const { stdout, stderr, status } = spawnSync("go", [...command, ...args], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const rows = stdout.matchAll(/^ *(-?[\d.]+)[a-zA-Z]* +\S+% +\S+% +\S+ +\S+% +(.+)$/gm);
  return Object.fromEntries(
    [...rows].map(([, flat, name]) => [name, Number(flat)] as const).filter(([, flat]) => flat !== 0),
  );
}

describe.skipIf(!hasGo)("go tool pprof -diff_base", () => {
  for (const type of types) {
    test(`sees in two recordings what the delta holds (${type})`, () => {
      const directory = mkdtempSync(join(tmpdir(), "pprof-delta-"));
      try {
        const file = join(directory, "delta.pb");
        const { raw } = deltasOf(type)[1] as DeltaResult;
        for (const column of cumulativeOf[type]) {
          const expected = goTop(column, [`-diff_base=${recordingPath(type, 1)}`, recordingPath(type, 2)]);
          if (raw) writeFileSync(file, raw);
          expect(raw ? goTop(column, [file]) : {}).toEqual(expected);
        }
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  }
});
