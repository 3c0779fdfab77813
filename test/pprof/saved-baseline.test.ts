import { describe, expect, test } from "bun:test";
import { type Baseline, computeDelta, decodeBaseline, encodeBaseline } from "../../src/pprof/index.ts";
import { type BuiltSample, buildProfile } from "../support/profile-builder.ts";
import { rawRecording, recordingNumbers } from "../support/recordings.ts";
import { cumulative, heapTypes, profileOf, scraper } from "./scraper.ts";

const blocking = ["contentions/count", "delay/nanoseconds"];
const types = { allocs: cumulative, block: blocking, mutex: blocking } as const;

/** All that a baseline is; of the table of its values what is in it. */
function contentOf(baseline: Baseline) {
  const { values, ...rest } = baseline;
  return { ...rest, words: [...values.words.subarray(0, values.count * values.stride)] };
}

function restored(baseline: Baseline): Baseline {
  return decodeBaseline(encodeBaseline(baseline)) as Baseline;
}

function baselineOf(raw: Uint8Array, columns: readonly string[] = cumulative): Baseline {
  return scraper({ cumulative: columns })(raw).next as Baseline;
}

describe("a saved baseline", () => {
  for (const [type, columns] of Object.entries(types))
    test(`is the same when it comes back, and so is what follows from it (recordings of ${type})`, () => {
      let baseline: Baseline | undefined;
      for (const number of recordingNumbers) {
        const raw = rawRecording(type as "allocs", number);
        const options = { cumulative: columns, maxBaselineBytes: 1e6 };
        const after = computeDelta(raw, { ...options, baseline });
        const afterRestart = computeDelta(raw, { ...options, baseline: baseline && restored(baseline) });
        expect(afterRestart.raw).toEqual(after.raw as Uint8Array);
        expect([afterRestart.outcome, afterRestart.fallen, afterRestart.info as unknown]).toEqual([
          after.outcome,
          after.fallen,
          after.info,
        ]);
        baseline = after.next as Baseline;
        expect(contentOf(restored(baseline))).toEqual(contentOf(baseline));
        expect(contentOf(afterRestart.next as Baseline)).toEqual(contentOf(baseline));
        expect(baseline.stacks).toBeGreaterThan(0);
      }
    });

  test("keeps values of 63 bits, times, a build id and stacks that have vanished", () => {
    const options = { timeNanos: 1_769_860_800_123_456_789n, buildId: "übung-1" };
    const scrape = scraper();
    scrape(profileOf({ a: 2n ** 62n, b: 1, c: 2n ** 32n, gone: 7 }, options));
    const { next } = scrape(profileOf({ a: 2n ** 63n - 1n, b: 1, c: 2n ** 32n + 1n }, options));
    expect(next).toMatchObject({ stacks: 4, present: 3 });
    expect(contentOf(restored(next as Baseline))).toEqual(contentOf(next as Baseline));
  });

  test("takes at most two thirds of the memory that the baseline takes", () => {
    for (const [type, columns] of Object.entries(types)) {
      const baseline = baselineOf(rawRecording(type as "allocs", 10), columns);
      expect(encodeBaseline(baseline).length).toBeLessThan((baseline.bytes * 2) / 3);
    }
  });

  test("identifies stacks as version 1 does: where this fails, raise the version in saved-baseline.ts", () => {
    const samples: BuiltSample[] = [
      { stack: ["f", "main"], values: [1, 2, 3, 4] },
      { stack: [4096, 8192], values: [5, 6, 7, 8] },
    ];
    const baseline = baselineOf(buildProfile({ sampleTypes: heapTypes, samples }));
    expect(Buffer.from(encodeBaseline(baseline)).toString("hex")).toBe(
      "010213616c6c6f635f6f626a656374732f636f756e7411616c6c6f635f73706163652f627974657300000202a3d1ccbaa9acefe83001029fd4fecaa0add4fae1010506",
    );
  });

  test("that is cut anywhere is none, nor is one with more behind it", () => {
    const whole = encodeBaseline(baselineOf(profileOf({ a: 100, b: 1, c: 300 })));
    for (let length = 0; length < whole.length; length++)
      expect(decodeBaseline(whole.subarray(0, length)), String(length)).toBeUndefined();
    expect(decodeBaseline(Uint8Array.of(...whole, 0))).toBeUndefined();
  });

  test("that is damaged is none, or one with other numbers within bounds", () => {
    const whole = encodeBaseline(baselineOf(rawRecording("mutex", 3), blocking));
    for (let at = 0; at < whole.length; at++)
      for (const flip of [0x01, 0x80, 0xff]) {
        const damaged = whole.slice();
        damaged[at] = (damaged[at] as number) ^ flip;
        const baseline = decodeBaseline(damaged);
        if (!baseline) continue;
        expect(baseline.present).toBeLessThanOrEqual(baseline.stacks);
        expect(baseline.missing.length).toBe(baseline.stacks - baseline.present);
        expect(baseline.bytes).toBeLessThan(whole.length * 20 + 1000);
        const use = { cumulative: blocking, baseline, maxBaselineBytes: 1e6 };
        expect(computeDelta(rawRecording("mutex", 4), use).outcome).toMatch(/delta|restart/);
      }
  });

  const one = [1, 1, 3, 97, 47, 98, 0, 0];
  const hostile: Readonly<Record<string, readonly number[]>> = {
    "another version": [2, ...one.slice(1), 0, 0],
    "more columns than bytes": [1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0],
    "more stacks than bytes": [...one, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 1, 1],
    "more present stacks than stacks": [...one, 1, 2, 9, 5],
    "a stack twice": [...one, 2, 2, 9, 5, 9, 5],
    "a negative value": [...one, 1, 1, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    "a vanished stack that is present": [...one, 1, 0, 9, 5, 0],
    "a stack that vanished too long ago": [...one, 1, 0, 9, 5, 5],
    "a number without end": Array.from({ length: 64 }, () => 0xff),
  };
  for (const [what, bytes] of Object.entries(hostile))
    test(`with ${what} is none`, () => expect(decodeBaseline(Uint8Array.from(bytes))).toBeUndefined());

  test("of hand-made bytes is one, so that the ones above fail for their own reason", () => {
    expect(decodeBaseline(Uint8Array.of(...one, 1, 0, 9, 5, 4))).toMatchObject({
      stacks: 1,
      present: 0,
      columns: ["a/b"],
    });
    expect(decodeBaseline(Uint8Array.of(...one, 1, 1, 9, 5))).toMatchObject({ stacks: 1, present: 1 });
  });
});
