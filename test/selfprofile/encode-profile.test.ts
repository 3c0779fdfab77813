import { describe, expect, test } from "bun:test";
import { fromBinary } from "@bufbuild/protobuf";
import { type Profile, ProfileSchema } from "../../src/gen/google/v1/profile_pb.ts";
import { validate } from "../../src/pprof/index.ts";
import { cpuStacks } from "../../src/selfprofile/cpu.ts";
import { encodeProfile, type Stack } from "../../src/selfprofile/encode-profile.ts";
import { heapStacks } from "../../src/selfprofile/heap.ts";

const main = { name: "main", file: "/app/main.ts", line: 1 };
const work = { name: "work", file: "/app/work.ts", line: 12 };
const columns = { sampleTypes: [{ type: "cpu", unit: "nanoseconds" }], period: 10_000_000 };
const input = { ...columns, periodType: { type: "cpu", unit: "nanoseconds" }, timeMs: 1_769_860_800_123.5 };

/** Each sample as its functions, the running one first, and its values. */
function samplesOf(profile: Profile): [string, number[]][] {
  const functions = new Map(profile.function.map((one) => [one.id, profile.stringTable[Number(one.name)]]));
  const locations = new Map(profile.location.map((one) => [one.id, functions.get(one.line[0]?.functionId ?? 0n)]));
  return profile.sample.map(({ locationId, value }) => [
    locationId.map((id) => locations.get(id)).join(" < "),
    value.map(Number),
  ]);
}

describe("an encoded profile", () => {
  const stacks: Stack[] = [
    { frames: [work, main], values: [30_000_000] },
    { frames: [main], values: [10_000_000] },
  ];

  test("is what protobuf-es reads back", () => {
    const profile = fromBinary(ProfileSchema, encodeProfile({ ...input, stacks, durationMs: 14_000.25 }));
    expect(samplesOf(profile)).toEqual([
      ["work < main", [30_000_000]],
      ["main", [10_000_000]],
    ]);
    expect(profile.stringTable[0]).toBe("");
    expect(profile.function).toHaveLength(2);
    expect(profile.location[0]).toMatchObject({ id: 1n, line: [{ functionId: 1n, line: 12n }] });
    expect(profile.function.map(({ filename }) => profile.stringTable[Number(filename)])).toEqual([
      "/app/work.ts",
      "/app/main.ts",
    ]);
    expect(profile.timeNanos).toBe(1_769_860_800_123_500_000n);
    expect(profile.durationNanos).toBe(14_000_250_000n);
    expect(profile.period).toBe(10_000_000n);
  });

  test("passes the check of every scraped profile", () => {
    const info = validate(encodeProfile({ ...input, stacks, durationMs: 14_000 }));
    expect(info).toMatchObject({ samples: 2, durationMs: 14_000, sampleTypes: columns.sampleTypes });
  });

  test("passes it without samples too: an idle process has none", () => {
    expect(validate(encodeProfile({ ...input, stacks: [] })).samples).toBe(0);
  });

  test("keeps functions of one name in two places apart", () => {
    const other = { ...work, line: 99 };
    const profile = fromBinary(
      ProfileSchema,
      encodeProfile({ ...input, stacks: [{ frames: [work, other, work], values: [1] }] }),
    );
    expect(profile.function).toHaveLength(2);
    expect(profile.sample[0]?.locationId).toEqual([1n, 2n, 1n]);
  });
});

const frame = (functionName: string, lineNumber = 3) => ({ functionName, url: "file:///app/a.ts", lineNumber });

describe("stacks of a CPU profile", () => {
  const nodes = [
    { id: 1, callFrame: { functionName: "(root)", url: "", lineNumber: -1 }, children: [2, 5, 6] },
    { id: 2, callFrame: frame("main"), children: [3] },
    { id: 3, callFrame: frame("work"), children: [4] },
    { id: 4, callFrame: { functionName: "", url: "", lineNumber: 0 } },
    { id: 5, callFrame: { functionName: "(idle)", url: "", lineNumber: -1 } },
    { id: 6, callFrame: { functionName: "(garbage collector)", url: "", lineNumber: -1 } },
  ];

  test("are counted per call path and weighed by the period", () => {
    const [first, second] = [...cpuStacks({ nodes, samples: [3, 2, 3, 3] })];
    expect(first?.frames.map(({ name }) => name)).toEqual(["work", "main"]);
    expect(first?.values).toEqual([3, 30_000_000]);
    expect(second?.values).toEqual([1, 10_000_000]);
    expect(first?.frames[0]).toEqual({ name: "work", file: "/app/a.ts", line: 4 });
  });

  test("leave idle time and the root out, and keep the garbage collector", () => {
    const stacks = [...cpuStacks({ nodes, samples: [5, 1, 6, 77] })];
    expect(stacks.map(({ frames }) => frames.map(({ name }) => name))).toEqual([["(garbage collector)"]]);
  });

  test("name anonymous and native functions", () => {
    const [stack] = [...cpuStacks({ nodes, samples: [4] })];
    expect(stack?.frames[0]).toEqual({ name: "(anonymous)", file: "", line: 0 });
  });

  test("are none without samples", () => {
    expect([...cpuStacks({ nodes })]).toEqual([]);
  });
});

test("stacks of a sampled heap hold what each call path allocated itself", () => {
  const leaf = { callFrame: frame("leaf"), selfSize: 100, children: [] };
  const middle = { callFrame: frame("middle"), selfSize: 0, children: [leaf] };
  const top = { callFrame: frame("top"), selfSize: 7, children: [middle] };
  const head = { callFrame: frame("(root)"), selfSize: 0, children: [top] };
  const stacks = [...heapStacks(head)].map(({ frames, values }) => [frames.map(({ name }) => name), values]);
  expect(stacks).toEqual([
    [["top"], [7]],
    [["leaf", "middle", "top"], [100]],
  ]);
});
