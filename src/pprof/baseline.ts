import type { Halves } from "./layout.ts";
import { U64Table } from "./u64-table.ts";

/** What is remembered of one (target, type) between two scrapes; saved-baseline.ts has its form on disk. Never changed once made. */
export interface Baseline {
  /** What it occupies. */
  readonly bytes: number;
  readonly stacks: number;
  /** The cumulative columns, as `type/unit`. */
  readonly columns: readonly string[];
  /** By stack: the halves of its value in each of `columns`. Those of the last profile come first, then vanished ones. */
  readonly values: U64Table;
  /** How many stacks are of the last profile. */
  readonly present: number;
  /** For each vanished stack in how many profiles it was missing. */
  readonly missing: Uint8Array;
  /** The total of each column in the last profile, in two parts: a number below 2^32 and how many times 2^32. */
  readonly totals: Float64Array;
  /** Of the profile's main mapping; empty where it has none. */
  readonly buildId: string;
  readonly timeNanos: Halves;
}

/** A vanished stack is forgotten once it is missing in more profiles than this. */
export const missingAtMost = 4;

/** The strings and the object itself, roughly. */
const fixedBytes = 512;

/** How many stacks of so many columns fit into `maxBytes`. */
export function maxStacks(columns: number, maxBytes: number): number {
  const perStack = U64Table.maxBytesPerEntry(columns * 2) + 1;
  return Math.max(0, Math.floor((maxBytes - fixedBytes) / perStack));
}

/** A profile as it is to be remembered. */
export interface Observed {
  /** The cumulative columns, as `type/unit`. */
  readonly columns: readonly string[];
  /** By stack: first the halves of each of `columns`, then those of other columns. */
  readonly sums: U64Table;
  readonly buildId: string;
  readonly timeNanos: Halves;
}

/**
 * The baseline for the next profile: the stacks of this one and, as long as there is room, those of `before` that have
 * vanished lately, so that one which comes back is not taken for new.
 */
export function remember(observed: Observed, before: Baseline | undefined, maxStackCount: number): Baseline {
  const { columns, sums, buildId, timeNanos } = observed;
  const present = stacksWithValue(observed);
  const vanished = before ? vanishedStacks(before, observed).slice(0, maxStackCount - present.length) : [];
  const values = new U64Table(present.length + vanished.length, columns.length * 2);
  const same = [...columns.keys()];
  for (const stack of present) copyStack({ from: sums, stack, columns: same }, values);
  const sources = before ? columnsIn(before, columns) : same;
  for (const { stack } of vanished) copyStack({ from: (before as Baseline).values, stack, columns: sources }, values);
  const missing = Uint8Array.from(vanished, (gone) => gone.missing);
  return baselineOf({ columns, values, present: present.length, missing, buildId, timeNanos });
}

/** A baseline, with what follows from its parts. */
export function baselineOf(parts: Omit<Baseline, "bytes" | "stacks" | "totals">): Baseline {
  const { columns, values, present, missing } = parts;
  const totals = totalsOf({ words: values.words, stride: values.stride, count: present }, columns.length);
  const bytes = values.byteLength + missing.byteLength + totals.byteLength + fixedBytes;
  return { ...parts, bytes, stacks: values.count, totals };
}

/**
 * Whether a stack has any cumulative value. One that has none is as good as absent: Go lists allocations of the running
 * garbage collection cycle with zeros first, and with other labels later.
 */
export function hasValue({ columns, sums }: Observed, stack: number): boolean {
  const start = stack * sums.stride + 2;
  for (let at = start; at < start + columns.length * 2; at++) if (sums.words[at] !== 0) return true;
  return false;
}

function stacksWithValue(observed: Observed): number[] {
  const stacks: number[] = [];
  for (let stack = 0; stack < observed.sums.count; stack++) if (hasValue(observed, stack)) stacks.push(stack);
  return stacks;
}

/** Where the baseline has each of these columns; -1 where it does not. */
export function columnsIn(baseline: Baseline, columns: readonly string[]): number[] {
  return columns.map((column) => baseline.columns.indexOf(column));
}

/** Remembered stacks that this profile does not have, and in how many profiles in a row they have been missing now. */
function vanishedStacks(before: Baseline, observed: Observed): { stack: number; missing: number }[] {
  const { values, present, missing } = before;
  const vanished = [];
  for (let stack = 0; stack < values.count; stack++) {
    const at = stack * values.stride;
    const found = observed.sums.find(values.words[at] as number, values.words[at + 1] as number);
    if (found >= 0 && hasValue(observed, found)) continue;
    const times = stack < present ? 1 : (missing[stack - present] as number) + 1;
    if (times <= missingAtMost) vanished.push({ stack, missing: times });
  }
  return vanished;
}

/** Adds a stack of another table; `columns` says where that one has each column, and -1 leaves it zero. */
function copyStack(source: { from: U64Table; stack: number; columns: readonly number[] }, to: U64Table): void {
  const { words, stride } = source.from;
  const from = source.stack * stride;
  let at = to.add(words[from] as number, words[from + 1] as number) * to.stride + 2;
  for (const column of source.columns) {
    if (column >= 0) {
      to.words[at] = words[from + 2 + column * 2] as number;
      to.words[at + 1] = words[from + 3 + column * 2] as number;
    }
    at += 2;
  }
}

/** Exact: halves are summed apart, each in a double, which holds the sum of two million of them. */
export function totalsOf(
  { words, stride, count }: Pick<U64Table, "words" | "stride" | "count">,
  columns: number,
): Float64Array {
  const totals = new Float64Array(columns * 2);
  for (let column = 0; column < columns; column++) {
    let lo = 0;
    let hi = 0;
    for (let at = 2 + column * 2; at < count * stride; at += stride) {
      lo += words[at] as number;
      hi += words[at + 1] as number;
    }
    totals[column * 2] = lo % 2 ** 32;
    totals[column * 2 + 1] = hi + Math.floor(lo / 2 ** 32);
  }
  return totals;
}
