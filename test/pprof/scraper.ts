import { expect } from "bun:test";
import { type Baseline, computeDelta, type DeltaOptions, type DeltaResult, validate } from "../../src/pprof/index.ts";
import { type BuildOptions, type BuiltSample, buildProfile, stacksOf } from "../support/profile-builder.ts";

export const cumulative = ["alloc_objects/count", "alloc_space/bytes"];
export const heapTypes = [...cumulative, "inuse_objects/count", "inuse_space/bytes"];

/** Scrapes one profile after another as a caller does whose receiver accepts everything. */
export function scraper(options: Partial<DeltaOptions> = {}) {
  let baseline: Baseline | undefined;
  return (raw: Uint8Array, more: Partial<DeltaOptions> = {}): DeltaResult => {
    const result = computeDelta(raw, { cumulative, baseline, maxBaselineBytes: 1e6, ...options, ...more });
    if (result.raw) expect(validate(result.raw)).toEqual(result.info as NonNullable<typeof result.info>);
    baseline = result.next;
    return result;
  };
}

/** A profile with one column, `alloc_space/bytes`, from one value per function. */
export function profileOf(values: Readonly<Record<string, number | bigint>>, options: BuildOptions = {}): Uint8Array {
  const samples = Object.entries(values).map(
    ([name, value]): BuiltSample => ({ stack: [name, "main"], values: [value] }),
  );
  return buildProfile({ sampleTypes: ["alloc_space/bytes"], samples, ...options });
}

/** The values of a result with one column, by leaf function. */
export function valuesOf({ raw }: DeltaResult): Record<string, bigint> {
  const stacks = raw ? stacksOf(raw) : {};
  return Object.fromEntries(Object.entries(stacks).map(([stack, [value]]) => [stack.split(";")[0], value ?? 0n]));
}
