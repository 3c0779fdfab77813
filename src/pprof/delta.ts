import { limits } from "../base/index.ts";
import type { ProfileInfo } from "../model/index.ts";
import { withSharedArrays } from "./arrays.ts";
import { type Baseline, maxStacks, remember } from "./baseline.ts";
import { type Change, compare, isLess } from "./change.ts";
import type { Halves } from "./layout.ts";
import { infoOf, nanosToMs, type ProfileTables, readTables } from "./profile-tables.ts";
import { checkSamples, SampleReader } from "./sample-reader.ts";
import { type ColumnPlan, planColumns, type StackSums, sumStacks } from "./stack-sums.ts";
import { mainBuildId } from "./symbols.ts";
import { KeptSamples, writeThinned } from "./thin-profile.ts";
import type { U64Table } from "./u64-table.ts";

export interface DeltaOptions {
  /** Columns that only ever grow, as `type/unit`. The others are passed on as they are. */
  readonly cumulative: readonly string[];
  /** `next` of the last result that a receiver has accepted; `undefined` for the first profile. */
  readonly baseline: Baseline | undefined;
  /** A baseline is not used where its profile is further from this one in time, or where that cannot be told. Absent: it is used anyway. */
  readonly maxElapsedMs?: number;
  /** What the new baseline may occupy. */
  readonly maxBaselineBytes: number;
  /** `instantaneous` sends no cumulative columns, for an address with several processes behind it. */
  readonly columns?: "all" | "instantaneous";
}

export interface DeltaResult {
  /**
   * - `first`: there was no baseline; the cumulative columns are zero
   * - `delta`: the growth since the baseline
   * - `restart`: the process has restarted; everything counts from zero
   * - `degraded`: the profile has too many stacks to remember, or only instantaneous columns were asked for; the cumulative
   *   columns are zero
   */
  readonly outcome: "first" | "delta" | "restart" | "degraded";
  /** The profile to push, not gzipped; `undefined` where no value differs from zero. */
  readonly raw: Uint8Array | undefined;
  /** Of the profile to push. */
  readonly info: ProfileInfo | undefined;
  /** The baseline for the next profile, once a receiver has accepted this one. */
  readonly next: Baseline | undefined;
  /** Single stacks that fell although the process did not restart. They count zero. */
  readonly fallen: number;
}

/**
 * Subtracts what is remembered from a profile with cumulative columns. Validates the profile as `validate` does and throws the
 * same errors. No value of the result is negative; equal stacks become one, and one without any value is left out. A profile
 * that has none of the cumulative columns is returned as it is. The rules: DESIGN.md, delta baselines; reference.md, 2.
 */
export function computeDelta(raw: Uint8Array, options: DeltaOptions): DeltaResult {
  return withSharedArrays((arrays) => deltaOf(readTables(raw, arrays), options));
}

function deltaOf(tables: ProfileTables, options: DeltaOptions): DeltaResult {
  const { timeNanos } = tables.header;
  const plan = planColumns(tables, options.cumulative);
  if (plan.cumulative.length === 0) {
    checkSamples(tables);
    return { outcome: "delta", raw: tables.raw, info: infoOf(tables), next: options.baseline, fallen: 0 };
  }
  const limit = maxStacks(plan.cumulative.length, options.maxBaselineBytes);
  const stacks = options.columns === "instantaneous" ? undefined : sumStacks(tables, plan, limit);
  return stacks
    ? subtract(tables, { plan, stacks, limit, baseline: isNear(options, timeNanos) ? options.baseline : undefined })
    : withoutCumulative(tables, plan);
}

interface Subtraction {
  readonly plan: ColumnPlan;
  readonly stacks: StackSums;
  readonly limit: number;
  readonly baseline: Baseline | undefined;
}

function subtract(tables: ProfileTables, { plan, stacks, limit, baseline }: Subtraction): DeltaResult {
  const { sums, samples } = stacks;
  const { timeNanos, durationNanos } = tables.header;
  const observed = { columns: plan.cumulative, sums, buildId: mainBuildId(tables), timeNanos };
  const change = baseline && compare(observed, baseline);
  const next = remember(observed, change?.restarted ? undefined : baseline, limit);
  if (!change) clearCumulative(sums, plan.cumulative.length);
  else if (!change.restarted) subtractKnown(sums, change, baseline.values);
  const kept = new KeptSamples(sums.count, plan.order, tables.arrays);
  for (let stack = 0; stack < sums.count; stack++) {
    kept.offer(samples[stack] as number, sums.words, stack * sums.stride + 2);
  }
  const elapsedNanos = baseline && elapsed(baseline.timeNanos, timeNanos);
  const pushed = write(tables, kept, elapsedNanos ?? durationNanos);
  if (!change) return { outcome: "first", ...pushed, next, fallen: 0 };
  if (change.restarted) return { outcome: "restart", ...pushed, next, fallen: 0 };
  return { outcome: "delta", ...pushed, next, fallen: change.fallen };
}

function clearCumulative({ words, stride, count }: U64Table, columns: number): void {
  for (let stack = 0; stack < count; stack++) {
    const at = stack * stride + 2;
    words.fill(0, at, at + columns * 2);
  }
}

/** Subtracts in place. A column that the baseline does not have counts zero: how much of it is growth is not known. */
function subtractKnown({ words, stride, count }: U64Table, { known, columns }: Change, before: U64Table): void {
  for (let stack = 0; stack < count; stack++) {
    const old = known[stack] as number;
    let at = stack * stride + 2;
    for (const column of columns) {
      if (column < 0) words.fill(0, at, at + 2);
      else if (old >= 0) subtractAt(words, at, { words: before.words, at: old * before.stride + 2 + column * 2 });
      at += 2;
    }
  }
}

/** Subtracts one unsigned number from another in place; what would be negative becomes zero. */
function subtractAt(words: Uint32Array, at: number, less: { words: Uint32Array; at: number }): void {
  if (isLess(words, at, less)) {
    words.fill(0, at, at + 2);
    return;
  }
  const lo = (words[at] as number) - (less.words[less.at] as number);
  words[at] = lo;
  words[at + 1] = (words[at + 1] as number) - (less.words[less.at + 1] as number) - (lo < 0 ? 1 : 0);
}

/** Passes the instantaneous columns, sample by sample: nothing has to be remembered for that. */
function withoutCumulative(tables: ProfileTables, plan: ColumnPlan): DeltaResult {
  const reader = new SampleReader(tables);
  const kept = new KeptSamples(tables.samples.count, plan.order, tables.arrays);
  const words = new Uint32Array(plan.order.length * 2);
  for (let sample = 0; sample < tables.samples.count; sample++) {
    reader.read(sample);
    for (let i = plan.cumulative.length; i < plan.order.length; i++) {
      const column = plan.order[i] as number;
      const negative = (reader.valueHi[column] as number) >= 2 ** 31;
      words[i * 2] = negative ? 0 : (reader.valueLo[column] as number);
      words[i * 2 + 1] = negative ? 0 : (reader.valueHi[column] as number);
    }
    kept.offer(sample, words, 0);
  }
  return { outcome: "degraded", ...write(tables, kept, tables.header.durationNanos), next: undefined, fallen: 0 };
}

function write(tables: ProfileTables, kept: KeptSamples, durationNanos: Halves): Pick<DeltaResult, "raw" | "info"> {
  if (kept.count === 0) return { raw: undefined, info: undefined };
  const raw = writeThinned(tables, kept, durationNanos);
  const info = { ...infoOf(tables), samples: kept.count, durationMs: nanosToMs(durationNanos), rawBytes: raw.length };
  return { raw, info };
}

/** Whether the baseline, where there is one, is of about the profile's time. */
function isNear({ baseline, maxElapsedMs }: DeltaOptions, timeNanos: Halves): boolean {
  if (!baseline || maxElapsedMs === undefined) return true;
  const [beforeMs, nowMs] = [nanosToMs(baseline.timeNanos), nanosToMs(timeNanos)];
  return beforeMs > 0 && nowMs > 0 && Math.abs(nowMs - beforeMs) <= maxElapsedMs;
}

/**
 * The time from one profile to the next; `undefined` where a clock is missing or went back. At most `limits.baselineAgeMs`, for more is
 * mostly a clock that was set meanwhile.
 */
function elapsed(before: Halves, now: Halves): Halves | undefined {
  const words = Uint32Array.of(now.lo, now.hi);
  const less = { words: Uint32Array.of(before.lo, before.hi), at: 0 };
  const isSet = nanosToMs(before) > 0 && nanosToMs(now) > 0;
  if (!isSet || !isLess(less.words, 0, { words, at: 0 })) return undefined;
  subtractAt(words, 0, less);
  if (nanosToMs({ lo: words[0] as number, hi: words[1] as number }) > limits.baselineAgeMs) return longestElapsed;
  return { lo: words[0] as number, hi: words[1] as number };
}

const longestNanos = BigInt(limits.baselineAgeMs) * 1_000_000n;
const longestElapsed: Halves = { lo: Number(longestNanos & 0xffff_ffffn), hi: Number(longestNanos >> 32n) };
