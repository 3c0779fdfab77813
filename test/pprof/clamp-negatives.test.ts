import { describe, expect, test } from "bun:test";
import { clampNegatives, PprofError } from "../../src/pprof/index.ts";
import { buildProfile, readProfile } from "../support/profile-builder.ts";
import { bytes, number, packed } from "../support/raw-proto.ts";
import { rawRecording } from "../support/recordings.ts";

describe("clampNegatives", () => {
  test("returns the very input where nothing is negative", () => {
    const raw = rawRecording("allocs", 1);
    expect(clampNegatives(raw)).toEqual({ raw, clamped: 0 });
    expect(clampNegatives(raw).raw).toBe(raw);
  });

  test("sets every negative value to zero and leaves all else as it was", () => {
    const samples = [
      { stack: ["a"], values: [1, -1], labels: { bytes: -5 } },
      { stack: ["b"], values: [2n ** 63n - 1n, 7] },
      { stack: ["c"], values: [-(2n ** 63n), -3] },
    ];
    const raw = buildProfile({ samples, timeNanos: 5, buildId: "build-1" });
    const { raw: clamped, clamped: count } = clampNegatives(raw);
    const expected = readProfile(raw);
    const values = [
      [1n, 0n],
      [2n ** 63n - 1n, 7n],
      [0n, 0n],
    ];
    for (const [index, sample] of expected.sample.entries()) sample.value = values[index] as bigint[];
    expect(readProfile(clamped)).toEqual(expected);
    expect(count).toBe(3);
  });

  test("keeps unknown fields, and takes values that are not packed", () => {
    const unknown = number(200, 5);
    const rest = [
      ...bytes(1, [...number(1, 1), ...number(2, 1)]),
      ...bytes(4, number(1, 1)),
      ...["", "x"].flatMap((text) => bytes(6, text)),
      ...unknown,
    ];
    const before = bytes(2, [...unknown, ...number(2, -9), ...number(1, 1)]);
    const after = bytes(2, [...unknown, ...number(1, 1), ...packed(2, [0])]);
    const { raw, clamped } = clampNegatives(Uint8Array.from([...before, ...rest]));
    expect([[...raw], clamped]).toEqual([[...after, ...rest], 1]);
  });

  test("refuses what validate refuses", () => {
    expect(() => clampNegatives(Uint8Array.of(0x0a, 9))).toThrow(PprofError);
  });
});
