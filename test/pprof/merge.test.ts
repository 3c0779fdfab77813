import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { ProfileSchema } from "../../src/gen/google/v1/profile_pb.ts";
import { merge, mergeInSteps, PprofError, validate } from "../../src/pprof/index.ts";
import { buildMessage, buildProfile, readProfile, stacksOf, totalsOf } from "../support/profile-builder.ts";
import { rawRecording, recordedTypes } from "../support/recordings.ts";

describe("merge", () => {
  for (const type of recordedTypes) {
    test(`keeps the totals and stacks of recorded ${type} profiles`, () => {
      const raws = [1, 5, 10].map((number) => rawRecording(type, number));
      const merged = merge(raws);
      const expected: Record<string, bigint[]> = {};
      for (const stacks of raws.map(stacksOf)) {
        for (const [stack, values] of Object.entries(stacks)) {
          expected[stack] = values.map((value, column) => value + (expected[stack]?.[column] ?? 0n));
        }
      }
      expect(stacksOf(merged)).toEqual(expected);
      const [first, ...others] = raws.map(validate) as [ReturnType<typeof validate>];
      const durations = [first, ...others].reduce((sum, { durationMs }) => sum + durationMs, 0);
      expect(validate(merged)).toMatchObject({ sampleTypes: first.sampleTypes, timeMs: first.timeMs });
      expect(validate(merged).durationMs).toBeCloseTo(durations, 3);
    });
  }

  test("lets others have their turn after every profile and within a large one", () => {
    const samples = Array.from({ length: 1200 }, (_, at) => ({ stack: [`f${at}`], values: [1, 1] }));
    const raws = [buildProfile({ samples }), buildProfile({ samples })];
    const steps = mergeInSteps(raws.values());
    let [turns, step] = [0, steps.next()];
    for (; !step.done; step = steps.next()) turns++;
    expect(turns).toBe(8);
    expect(step.value).toEqual(merge(raws));
  });

  test("sums up stacks that are equal by content, whatever their ids and string indexes", () => {
    const a = { stack: [{ name: "leaf", address: 1 }, "root"], values: [1, 10], labels: { x: "1", y: 2 } };
    const b = { stack: ["b"], values: [2, 20] };
    const one = buildProfile({ samples: [a, b], timeNanos: 20, durationNanos: 3 });
    const other = buildProfile({
      samples: [
        { stack: ["c"], values: [4, 40] },
        { ...a, labels: { y: 2, x: "1" } },
      ],
      paddingStrings: ["unused"],
      timeNanos: 10,
      durationNanos: 4,
    });
    const merged = merge([one, other]);
    expect(stacksOf(merged)).toEqual({ "leaf;root{x=1,y=2}": [2n, 20n], b: [2n, 20n], c: [4n, 40n] });
    const { sample, function: functions, location, mapping, timeNanos, durationNanos } = readProfile(merged);
    expect([sample.length, functions.length, location.length, mapping.length]).toEqual([3, 4, 4, 1]);
    expect([timeNanos, durationNanos]).toEqual([10n, 7n]);
  });

  test("keeps stacks apart that differ in address, mapping or label", () => {
    const sampleTypes = ["samples/count"];
    const frame = (address: number) => ({ name: "f", address });
    const samples = [
      { stack: [frame(1)], values: [1] },
      { stack: [frame(2)], values: [1] },
      { stack: [frame(1)], values: [1], labels: { x: 1 } },
    ];
    const raws = ["build-1", "build-2"].map((buildId) => buildProfile({ sampleTypes, samples, buildId }));
    expect(readProfile(merge(raws)).sample).toHaveLength(6);
  });

  test("is exact for values of 64 bits", () => {
    const raws = [2n ** 62n + 1n, 2n ** 62n - 2n].map((value) =>
      buildProfile({ sampleTypes: ["delay/nanoseconds"], samples: [{ stack: ["a"], values: [value] }] }),
    );
    expect(totalsOf(merge(raws))).toEqual({ "delay/nanoseconds": 2n ** 63n - 1n });
  });

  test("gives back a single profile as it was, less what no sample uses", () => {
    const message = buildMessage({
      samples: [{ stack: [1, 2], values: [1, 2], labels: { x: 5 } }],
      buildId: "b",
      timeNanos: 5,
      durationNanos: 6,
    });
    const string = (text: string) => BigInt(message.stringTable.push(text) - 1);
    message.periodType = { $typeName: "google.v1.ValueType", type: string("space"), unit: string("bytes") };
    Object.assign(message, {
      period: 7n,
      comment: [string("note")],
      defaultSampleType: string("alloc_space"),
      docUrl: string("doc"),
    });
    const raw = toBinary(ProfileSchema, message);
    const merged = readProfile(merge([raw]));
    const text = (index: bigint): string => merged.stringTable[Number(index)] as string;
    expect(stacksOf(merge([raw]))).toEqual(stacksOf(raw));
    expect(merged).toMatchObject({ period: 7n, timeNanos: 5n, durationNanos: 6n });
    expect([merged.comment.map(text), text(merged.defaultSampleType), text(merged.docUrl)]).toEqual([
      ["note"],
      "alloc_space",
      "doc",
    ]);
    expect(text(merged.periodType?.type as bigint)).toBe("space");
    expect(text(merged.mapping[0]?.buildId as bigint)).toBe("b");
  });

  test.each([
    ["no profiles", [], "empty", "Cannot merge profiles: there are none"],
    [
      "profiles of different sample types",
      [buildProfile({ sampleTypes: ["a/count"] }), buildProfile({ sampleTypes: ["a/bytes"] })],
      "incompatible",
      'Cannot merge profiles: one has the sample types "a/bytes", another "a/count"',
    ],
    [
      "something that is no profile",
      [Uint8Array.of(0x0a, 9)],
      "truncated",
      /^Cannot read the profile: it ends at byte 2 /,
    ],
  ])("refuses %s", (_, raws, reason, message) => {
    let thrown: unknown;
    try {
      merge(raws);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PprofError);
    expect((thrown as PprofError).reason).toBe(reason as "empty");
    expect((thrown as PprofError).message).toMatch(message);
  });

  const hasGo = spawnSync("go", ["version"]).status === 0;
  if (!hasGo)
    console.log("skipped: merged profiles are not opened with `go tool pprof`, because there is no `go` here");
  test.skipIf(!hasGo)("makes what go tool pprof opens and understands", () => {
    const directory = mkdtempSync(join(tmpdir(), "pprof-merge-"));
    try {
      const file = join(directory, "merged.pb");
      writeFileSync(file, merge([1, 2].map((number) => rawRecording("profile", number))));
      const { stdout, status } = spawnSync("go", ["tool", "pprof", "-top", file], { encoding: "utf8" });
      expect([status, stdout]).toEqual([0, expect.stringMatching(/Type: cpu\n(.*\n)*Duration: \d/)]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
