import { describe, expect, test } from "bun:test";
import { type Baseline, computeDelta } from "../../src/pprof/index.ts";
import { type BuiltSample, buildProfile, stacksOf } from "../support/profile-builder.ts";
import { cumulative, heapTypes, profileOf, scraper, valuesOf } from "./scraper.ts";

describe("the baseline", () => {
  const many = (count: number, value: number): BuiltSample[] =>
    Array.from({ length: count }, (_, index) => ({ stack: [index + 1], values: [value, value, 1, 1] }));
  const heap = (count: number, value: number) => buildProfile({ sampleTypes: heapTypes, samples: many(count, value) });

  test("takes 48 bytes at most per stack of two columns", () => {
    for (const count of [6600, 10_000]) {
      const { next } = scraper()(heap(count, 5));
      expect(next?.stacks).toBe(count);
      expect((next as Baseline).bytes / count).toBeLessThanOrEqual(48);
    }
  });

  test("never exceeds its bound: above it only instantaneous columns are sent", () => {
    const scrape = scraper({ maxBaselineBytes: 48_000 });
    expect(scrape(heap(900, 5))).toMatchObject({ outcome: "first", next: { stacks: 900 } });
    const result = scrape(heap(3000, 7));
    expect(result).toMatchObject({ outcome: "degraded", next: undefined, info: { samples: 3000 } });
    expect(stacksOf(result.raw as Uint8Array)).toMatchObject({ at_1: [0n, 0n, 1n, 1n] });
    expect(scrape(heap(900, 9)).outcome).toBe("first");
  });

  test("drops vanished stacks before it exceeds its bound", () => {
    const scrape = scraper({ maxBaselineBytes: 48_000, cumulative: ["alloc_space/bytes"] });
    const profile = (from: number, to: number, value: number) =>
      buildProfile({
        sampleTypes: ["alloc_space/bytes"],
        samples: Array.from({ length: to - from }, (_, i) => ({ stack: [from + i], values: [value] })),
      });
    scrape(profile(1, 1401, 10));
    const { outcome, next } = scrape(profile(601, 2001, 20));
    expect(outcome).toBe("delta");
    expect(next?.stacks).toBeGreaterThanOrEqual(1400);
    expect(next?.bytes).toBeLessThanOrEqual(48_000);
  });

  test("is not changed by its use, so that a failed push can be repeated", () => {
    const { next: baseline } = scraper()(profileOf({ a: 100, b: 1, c: 1 }));
    const copy = structuredClone({ ...baseline, values: (baseline as Baseline).values.words });
    const options = { cumulative, baseline, maxBaselineBytes: 1e6 };
    const twice = [1, 2].map(() => valuesOf(computeDelta(profileOf({ a: 150, b: 2 }), options)));
    expect(twice).toEqual([
      { a: 50n, b: 1n },
      { a: 50n, b: 1n },
    ]);
    expect({ ...baseline, values: (baseline as Baseline).values.words } as never).toEqual(copy as never);
  });

  test("that was not advanced lets the next delta cover both intervals", () => {
    const first = scraper()(profileOf({ a: 100 }, { timeNanos: 1e9 }));
    const options = { cumulative, baseline: first.next, maxBaselineBytes: 1e6 };
    computeDelta(profileOf({ a: 150 }, { timeNanos: 2e9 }), options);
    const result = computeDelta(profileOf({ a: 175 }, { timeNanos: 3e9 }), options);
    expect([valuesOf(result), result.info?.durationMs]).toEqual([{ a: 75n }, 2000]);
  });
});
