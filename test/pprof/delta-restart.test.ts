import { describe, expect, test } from "bun:test";
import { type BuildOptions, buildProfile, stacksOf } from "../support/profile-builder.ts";
import { cumulative, profileOf, scraper, valuesOf } from "./scraper.ts";

describe("computeDelta after a restart", () => {
  const before = { a: 100, b: 50, c: 30 };
  const cases: readonly (readonly [sign: string, now: Record<string, number>, options?: BuildOptions])[] = [
    ["a fallen total", { a: 90, b: 55, c: 31 }],
    ["the same stacks with small values", { a: 1, b: 2, c: 3 }],
    ["most stacks gone", { a: 5000, d: 1 }],
    ["most stacks fallen", { a: 5000, b: 49, c: 29 }],
    ["some stacks fallen and others gone", { a: 5000, b: 49 }],
    ["another build id", { a: 101, b: 51, c: 31 }, { buildId: "build-2" }],
    ["no stacks but new ones", { x: 1000, y: 1000 }],
  ];
  for (const [sign, now, options] of cases) {
    test(`told by ${sign} sends the whole profile`, () => {
      const scrape = scraper();
      scrape(profileOf(before, { buildId: "build-1" }));
      const result = scrape(profileOf(now, { buildId: "build-1", ...options }));
      expect(result).toMatchObject({ outcome: "restart", fallen: 0, next: { stacks: Object.keys(now).length } });
      const all = Object.fromEntries(Object.entries(now).map(([name, value]) => [name, BigInt(value)]));
      expect(valuesOf(result)).toEqual(all);
      const grown = scrape(profileOf({ ...now, z: 4 }, { buildId: "build-1", ...options }));
      expect([grown.outcome, valuesOf(grown)]).toEqual(["delta", { z: 4n }]);
    });
  }

  test("one fallen total is enough among several columns", () => {
    const scrape = scraper();
    const profile = (values: number[]) =>
      buildProfile({
        sampleTypes: cumulative,
        samples: [
          { stack: ["a"], values },
          { stack: ["b"], values: [1, 1] },
          { stack: ["c"], values: [1, 1] },
        ],
      });
    scrape(profile([10, 1000]));
    expect(scrape(profile([9, 2000])).outcome).toBe("restart");
  });

  test("sees a total fall by one above 2^53", () => {
    const scrape = scraper();
    scrape(profileOf({ a: 2n ** 62n, b: 2n ** 62n, c: 1 }));
    expect(scrape(profileOf({ a: 2n ** 62n, b: 2n ** 62n - 1n, c: 1 })).outcome).toBe("restart");
  });

  test("sees a total fall below 2^32", () => {
    const scrape = scraper();
    scrape(profileOf({ a: 2 ** 32 + 1, b: 1, c: 1 }));
    expect(scrape(profileOf({ a: 2 ** 32 - 5, b: 1, c: 1 })).outcome).toBe("restart");
  });

  test("is told by the stacks of the last profile, whatever returns of those before", () => {
    const scrape = scraper();
    scrape(profileOf({ a: 1000, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1 }));
    expect(scrape(profileOf({ a: 1100, b: 1, c: 1, d: 1, e: 1 })).outcome).toBe("delta");
    expect(scrape(profileOf({ a: 1200, f: 1, g: 1 })).outcome).toBe("restart");
  });

  test("is not told by a build id that cannot be read now", () => {
    const scrape = scraper();
    scrape(profileOf(before, { buildId: "build-1" }));
    expect(scrape(profileOf({ ...before, a: 101 })).outcome).toBe("delta");
  });

  test("several processes behind one address restart at every scrape, until only instantaneous columns are asked for", () => {
    const sampleTypes = ["alloc_space/bytes", "inuse_space/bytes"];
    const process = (base: number, round: number) =>
      buildProfile({
        sampleTypes,
        samples: ["a", "b"].map((name) => ({ stack: [name], values: [base + round, base] })),
      });
    const scrape = scraper();
    scrape(process(1000, 0));
    expect(scrape(process(500, 1)).outcome).toBe("restart");
    scrape(process(1000, 2));
    expect(scrape(process(500, 3)).outcome).toBe("restart");
    const result = scrape(process(500, 4), { columns: "instantaneous" });
    expect(result).toMatchObject({ outcome: "degraded", next: undefined, fallen: 0 });
    expect(stacksOf(result.raw as Uint8Array)).toEqual({ a: [0n, 500n], b: [0n, 500n] });
  });
});

describe("a stack that falls or vanishes while the process goes on", () => {
  test("counts zero, is counted, and grows from its new value", () => {
    const scrape = scraper();
    scrape(profileOf({ a: 100, b: 50, c: 10 }));
    const fell = scrape(profileOf({ a: 200, b: 40, c: 10 }));
    expect([fell.outcome, fell.fallen, valuesOf(fell)]).toEqual(["delta", 1, { a: 100n }]);
    expect(valuesOf(scrape(profileOf({ a: 200, b: 45, c: 10 })))).toEqual({ b: 5n });
  });

  test("sends what another column of it grew", () => {
    const scrape = scraper();
    const others = ["x", "y"].map((name) => ({ stack: [name], values: [50, 50] }));
    const profile = (values: number[], rest: number) =>
      buildProfile({
        sampleTypes: cumulative,
        samples: [{ stack: ["a"], values }, { stack: ["w"], values: [rest, rest] }, ...others],
      });
    scrape(profile([10, 100], 1));
    const result = scrape(profile([9, 130], 5));
    expect([result.fallen, stacksOf(result.raw as Uint8Array)]).toEqual([1, { a: [0n, 30n], w: [4n, 4n] }]);
  });

  test("sends only its growth when it returns", () => {
    const scrape = scraper();
    scrape(profileOf({ a: 1000, b: 50, c: 10 }));
    const gone = scrape(profileOf({ a: 1100, c: 10 }));
    expect([gone.outcome, gone.next?.stacks, valuesOf(gone)]).toEqual(["delta", 3, { a: 100n }]);
    scrape(profileOf({ a: 1100, c: 11 }));
    const returned = scrape(profileOf({ a: 1100, b: 53, c: 11 }));
    expect([returned.outcome, valuesOf(returned)]).toEqual(["delta", { b: 3n }]);
  });

  test("is forgotten after a few profiles", () => {
    const scrape = scraper();
    scrape(profileOf({ a: 1000, b: 50, c: 10 }));
    const stacks = Array.from({ length: 6 }, (_, round) => scrape(profileOf({ a: 1100 + round, c: 10 })).next?.stacks);
    expect(stacks).toEqual([3, 3, 3, 3, 2, 2]);
    expect(valuesOf(scrape(profileOf({ a: 1200, b: 50, c: 10 })))).toEqual({ a: 95n, b: 50n });
  });

  test("is as good as gone where it is listed with zeros", () => {
    // Go lists what the running garbage collection cycle allocated with zeros, under labels it has only then.
    const scrape = scraper();
    const zeros = { z1: 0, z2: 0, z3: 0, z4: 0 };
    expect(scrape(profileOf({ a: 100, b: 50, ...zeros })).next?.stacks).toBe(2);
    const result = scrape(profileOf({ a: 160, b: 0 }));
    expect([result.outcome, result.fallen, valuesOf(result)]).toEqual(["delta", 0, { a: 60n }]);
    expect(valuesOf(scrape(profileOf({ a: 160, b: 51 })))).toEqual({ b: 1n });
  });

  test("does not add up over profiles to what looks like a restart", () => {
    const scrape = scraper();
    const names = Array.from({ length: 10 }, (_, index) => `f${index}`);
    const values = (gone: number, grow: number) =>
      Object.fromEntries(names.slice(gone).map((name) => [name, 10 + grow]));
    const outcomes = [0, 3, 6].map((gone) => scrape(profileOf(values(gone, gone * 100))).outcome);
    expect(outcomes).toEqual(["first", "delta", "delta"]);
  });
});
