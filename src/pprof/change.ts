import { type Baseline, columnsIn, hasValue, type Observed, totalsOf } from "./baseline.ts";
import type { U64Table } from "./u64-table.ts";

/** How a profile compares with what is remembered. */
export interface Change {
  /** It comes from another process: nothing of the baseline holds. */
  readonly restarted: boolean;
  /** By stack, which remembered one it is; -1 where it is new. */
  readonly known: Int32Array;
  /** Where the baseline has each cumulative column; -1 where it does not. */
  readonly columns: readonly number[];
  /** Stacks with a value below the remembered one. */
  readonly fallen: number;
}

/**
 * Compares a profile with the baseline. A process has restarted when the total of a column fell, when more than half of the
 * last profile's stacks fell or vanished, or when it is another build.
 */
export function compare(now: Observed, before: Baseline): Change {
  const { sums } = now;
  const columns = columnsIn(before, now.columns);
  const known = new Int32Array(sums.count).fill(-1);
  let fallen = 0;
  let kept = 0;
  for (let stack = 0; stack < sums.count; stack++) {
    if (!hasValue(now, stack)) continue;
    const at = stack * sums.stride;
    const old = before.values.find(sums.words[at] as number, sums.words[at + 1] as number);
    known[stack] = old;
    if (old < 0) continue;
    if (hasFallen(sums, before.values, { stack, old, columns })) fallen++;
    else if (old < before.present) kept++;
  }
  const otherBuild = now.buildId !== before.buildId && now.buildId !== "" && before.buildId !== "";
  const mostGone = kept * 2 < before.present;
  const fell = totalFell(totalsOf(sums, now.columns.length), before.totals, columns);
  return { restarted: otherBuild || mostGone || fell, known, columns, fallen };
}

function hasFallen(
  now: U64Table,
  before: U64Table,
  { stack, old, columns }: { stack: number; old: number; columns: readonly number[] },
): boolean {
  let at = stack * now.stride + 2;
  for (const column of columns) {
    if (column >= 0) {
      const was = old * before.stride + 2 + column * 2;
      if (isLess(now.words, at, { words: before.words, at: was })) return true;
    }
    at += 2;
  }
  return false;
}

/** Whether the unsigned number whose halves begin at `words[at]` is below the other. */
export function isLess(words: Uint32Array, at: number, than: { words: Uint32Array; at: number }): boolean {
  const hi = words[at + 1] as number;
  const otherHi = than.words[than.at + 1] as number;
  return hi < otherHi || (hi === otherHi && (words[at] as number) < (than.words[than.at] as number));
}

function totalFell(now: Float64Array, before: Float64Array, columns: readonly number[]): boolean {
  return columns.some((old, column) => {
    if (old < 0) return false;
    const rise = (now[column * 2 + 1] as number) - (before[old * 2 + 1] as number);
    return rise < 0 || (rise === 0 && (now[column * 2] as number) < (before[old * 2] as number));
  });
}
