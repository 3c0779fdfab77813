import { describe, expect, test } from "bun:test";
import { toBinary } from "@bufbuild/protobuf";
import { ProfileSchema } from "../../src/gen/google/v1/profile_pb.ts";
import { type Baseline } from "../../src/pprof/index.ts";
import { type BuiltSample, buildMessage, buildProfile, readProfile, stacksOf } from "../support/profile-builder.ts";
import { heapTypes, profileOf, scraper, valuesOf } from "./scraper.ts";

describe("computeDelta", () => {
  test("sends the growth of each stack and the whole of a new one", () => {
    const scrape = scraper();
    scrape(profileOf({ a: 100, b: 50, c: 7 }));
    const result = scrape(profileOf({ a: 130, b: 50, c: 8, d: 5 }));
    expect(result).toMatchObject({ outcome: "delta", fallen: 0 });
    expect(valuesOf(result)).toEqual({ a: 30n, c: 1n, d: 5n });
  });

  test("sends the first profile with its cumulative columns at zero", () => {
    const samples: BuiltSample[] = [
      { stack: ["a"], values: [3, 300, 1, 100] },
      { stack: ["b"], values: [1, 10, 0, 0] },
    ];
    const result = scraper()(buildProfile({ sampleTypes: heapTypes, samples, timeNanos: 5e9, durationNanos: 2e9 }));
    expect(result).toMatchObject({ outcome: "first", info: { samples: 1, timeMs: 5000, durationMs: 2000 } });
    expect(stacksOf(result.raw as Uint8Array)).toEqual({ a: [0n, 0n, 1n, 100n] });
  });

  test("has nothing to send of a first profile with cumulative columns only", () => {
    const result = scraper()(profileOf({ a: 100 }));
    expect(result).toMatchObject({ outcome: "first", raw: undefined, info: undefined, next: { stacks: 1 } });
  });

  test("has nothing to send where nothing grew", () => {
    const scrape = scraper();
    scrape(profileOf({ a: 100 }));
    expect(scrape(profileOf({ a: 100 }))).toMatchObject({ outcome: "delta", raw: undefined, info: undefined });
  });

  test("passes instantaneous columns as they are, also of a stack that did not grow", () => {
    const scrape = scraper();
    scrape(buildProfile({ sampleTypes: heapTypes, samples: [{ stack: ["a"], values: [3, 300, 1, 100] }] }));
    const result = scrape(
      buildProfile({ sampleTypes: heapTypes, samples: [{ stack: ["a"], values: [3, 300, 2, 50] }] }),
    );
    expect(stacksOf(result.raw as Uint8Array)).toEqual({ a: [0n, 0n, 2n, 50n] });
  });

  test("returns a profile without cumulative columns as the very input, and keeps the baseline", () => {
    const scrape = scraper();
    const { next } = scrape(profileOf({ a: 100 }));
    const inuse = buildProfile({ sampleTypes: ["inuse_space/bytes"], samples: [{ stack: ["a"], values: [1] }] });
    const result = scrape(inuse);
    expect(result.raw).toBe(inuse);
    expect(result.next).toBe(next as Baseline);
    expect(result).toMatchObject({ outcome: "delta", info: { samples: 1 } });
  });

  test("takes a type with another unit for another column", () => {
    const raw = buildProfile({ sampleTypes: ["alloc_space/kilobytes"], samples: [{ stack: ["a"], values: [1] }] });
    expect(scraper()(raw).raw).toBe(raw);
  });

  test("sums up equal stacks and sends them once, at the place of the first", () => {
    const sampleTypes = ["alloc_space/bytes", "inuse_space/bytes"];
    const samples = (a: number, b: number): BuiltSample[] => [
      { stack: ["a"], values: [a, 1] },
      { stack: ["b"], values: [b, 5] },
      { stack: ["a"], values: [a, 2] },
    ];
    const scrape = scraper();
    scrape(buildProfile({ sampleTypes, samples: samples(10, 10) }));
    const { raw } = scrape(buildProfile({ sampleTypes, samples: samples(14, 11) }));
    expect(readProfile(raw as Uint8Array).sample.map(({ value }) => value)).toEqual([
      [8n, 3n],
      [1n, 5n],
    ]);
  });

  describe("tells stacks apart by", () => {
    const base: BuiltSample = { stack: [1, 2, 3], values: [100], labels: { bytes: 8, kind: "x" } };
    const others: Record<string, BuiltSample> = {
      "the order of addresses": { ...base, stack: [1, 3, 2] },
      "their depth": { ...base, stack: [1, 2, 3, 3] },
      "all 64 bits of an address": { ...base, stack: [1, 2, 3n + 2n ** 32n] },
      "a label's key": { ...base, labels: { size: 8, kind: "x" } },
      "a label's number": { ...base, labels: { bytes: 8n + 2n ** 32n, kind: "x" } },
      "a label's text": { ...base, labels: { bytes: 8, kind: "y" } },
      "the number of labels": { ...base, labels: { bytes: 8 } },
      "function names where there are no addresses": { ...base, stack: ["a", "b", "c"] },
    };
    for (const [difference, other] of Object.entries(others)) {
      test(difference, () => {
        const sampleTypes = ["alloc_space/bytes"];
        const result = scraper()(buildProfile({ sampleTypes, samples: [base, other] }));
        expect(result.next?.stacks).toBe(2);
      });
    }
  });

  test("knows a stack by its content, whatever its ids, string indexes and label order", () => {
    const sampleTypes = ["alloc_space/bytes"];
    const scrape = scraper();
    const named = { stack: ["a", "b"], values: [5] };
    const addressed = { stack: [7, 8], values: [10], labels: { x: "1", y: 2 } };
    scrape(buildProfile({ sampleTypes, samples: [named, addressed] }));
    const reordered = { ...addressed, values: [11], labels: { y: 2, x: "1" } };
    const samples = [{ stack: ["new"], values: [1] }, reordered, { ...named, values: [7] }];
    const result = scrape(buildProfile({ sampleTypes, samples, paddingStrings: ["some", "other"] }));
    expect(stacksOf(result.raw as Uint8Array)).toEqual({ new: [1n], "at_7;at_8{x=1,y=2}": [1n], "a;b": [2n] });
  });

  test("keeps stacks without addresses apart by line and file", () => {
    const message = buildMessage({ sampleTypes: ["alloc_space/bytes"], samples: [{ stack: ["a"], values: [1] }] });
    const variants = [8n, 9n].map((line, index) => {
      message.location.push({ ...structuredClone(message.location[0] as object), id: BigInt(index + 2) } as never);
      const location = message.location[index + 1] as (typeof message.location)[0];
      (location.line[0] as { line: bigint }).line = line;
      return location.id;
    });
    for (const id of variants) message.sample.push({ ...(message.sample[0] as object), locationId: [id] } as never);
    expect(scraper()(toBinary(ProfileSchema, message)).next?.stacks).toBe(3);
  });

  test("never mixes up columns that change their order, vanish or return", () => {
    const scrape = scraper();
    const profile = (columns: Record<string, number>) =>
      buildProfile({ sampleTypes: Object.keys(columns), samples: [{ stack: ["a"], values: Object.values(columns) }] });
    const [objects, space, inuse] = ["alloc_objects/count", "alloc_space/bytes", "inuse_space/bytes"] as const;
    scrape(profile({ [objects]: 10, [space]: 1000, [inuse]: 5 }));
    const swapped = scrape(profile({ [inuse]: 6, [space]: 1100, [objects]: 12 }));
    expect(stacksOf(swapped.raw as Uint8Array)).toEqual({ a: [6n, 100n, 2n] });
    const fewer = scrape(profile({ [space]: 1150 }));
    expect(stacksOf(fewer.raw as Uint8Array)).toEqual({ a: [50n] });
    // How much of the column that returns has grown since is not known; it counts from here.
    const returned = scrape(profile({ [objects]: 20, [space]: 1151 }));
    expect(stacksOf(returned.raw as Uint8Array)).toEqual({ a: [0n, 1n] });
    expect(stacksOf(scrape(profile({ [objects]: 23, [space]: 1152 })).raw as Uint8Array)).toEqual({ a: [3n, 1n] });
  });

  test.each([
    ["above 2^53", 2n ** 53n + 1n, 2n ** 53n + 2n, 1n],
    ["near 2^63", 2n ** 63n - 3n, 2n ** 63n - 1n, 2n],
    ["across 2^32", 2n ** 32n - 1n, 2n ** 32n + 1n, 2n],
    ["with a borrow", 2n ** 40n + 0xffff_ffffn, 2n ** 41n, 2n ** 40n - 0xffff_ffffn],
  ])("is exact for values %s", (_, before, after, growth) => {
    const scrape = scraper();
    scrape(profileOf({ a: before }));
    expect(valuesOf(scrape(profileOf({ a: after, b: after })))).toEqual({ a: growth, b: after });
  });

  test("carries where equal stacks sum up above 2^32", () => {
    const twice = (value: number) => {
      const sample = { stack: ["a"], values: [value] };
      return buildProfile({ sampleTypes: ["alloc_space/bytes"], samples: [sample, sample] });
    };
    const scrape = scraper();
    scrape(twice(5));
    expect(valuesOf(scrape(twice(0xffff_ffff)))).toEqual({ a: 2n ** 33n - 12n });
  });

  test("passes instantaneous values of 64 bits exactly", () => {
    const samples = [{ stack: ["a"], values: [1, 2n ** 63n - 1n] }];
    const result = scraper()(buildProfile({ sampleTypes: ["alloc_space/bytes", "inuse_space/bytes"], samples }));
    expect(stacksOf(result.raw as Uint8Array)).toEqual({ a: [0n, 2n ** 63n - 1n] });
  });

  test("never sends a negative value", () => {
    const sampleTypes = ["alloc_space/bytes", "inuse_space/bytes"];
    const scrape = scraper();
    scrape(buildProfile({ sampleTypes, samples: [{ stack: ["a"], values: [10, 5] }] }));
    const samples = [
      { stack: ["a"], values: [11, -5] },
      { stack: ["b"], values: [-7, 3] },
    ];
    const result = scrape(buildProfile({ sampleTypes, samples }));
    expect(stacksOf(result.raw as Uint8Array)).toEqual({ a: [1n, 0n], b: [0n, 3n] });
    const degraded = scrape(buildProfile({ sampleTypes, samples }), { columns: "instantaneous" });
    expect(stacksOf(degraded.raw as Uint8Array)).toEqual({ b: [0n, 3n] });
  });
});
