import type { ProfileTables } from "./profile-tables.ts";
import { SampleReader } from "./sample-reader.ts";
import { StackHasher } from "./stack-hasher.ts";
import { U64Table } from "./u64-table.ts";

/** Which columns of a profile are cumulative. */
export interface ColumnPlan {
  /** All columns by position, the cumulative ones first: the order in which `StackSums` holds values. */
  readonly order: readonly number[];
  /** The names of the cumulative ones, as `type/unit`. */
  readonly cumulative: readonly string[];
}

export function planColumns({ columns }: ProfileTables, cumulative: readonly string[]): ColumnPlan {
  const names = columns.map(({ type, unit }) => `${type}/${unit}`);
  const positions = [...names.keys()];
  const first = positions.filter((column) => cumulative.includes(names[column] as string));
  const others = positions.filter((column) => !first.includes(column));
  return { order: [...first, ...others], cumulative: first.map((column) => names[column] as string) };
}

/** The stacks of a profile, equal ones summed up. No value is negative. */
export interface StackSums {
  /** By stack: the halves of each column's value, in the order of the plan. */
  readonly sums: U64Table;
  /** By stack: its first sample. */
  readonly samples: Uint32Array;
}

/** Reads and checks every sample. `undefined` where the profile has more different stacks than `limit`. */
export function sumStacks(tables: ProfileTables, { order }: ColumnPlan, limit: number): StackSums | undefined {
  const reader = new SampleReader(tables);
  const hasher = new StackHasher(tables);
  const capacity = Math.min(tables.samples.count, limit + 1);
  const sums = new U64Table(capacity, order.length * 2, tables.arrays);
  const samples = tables.arrays.words(capacity);
  for (let sample = 0; sample < tables.samples.count; sample++) {
    reader.read(sample);
    hasher.hash(reader);
    const before = sums.count;
    const stack = sums.add(hasher.lo, hasher.hi);
    if (sums.count > limit) return undefined;
    if (sums.count > before) samples[stack] = sample;
    addValues(sums, stack, { reader, order });
  }
  dropNegatives(sums);
  return { sums, samples };
}

function addValues(
  { words, stride }: U64Table,
  stack: number,
  { reader, order }: { reader: SampleReader; order: readonly number[] },
): void {
  let at = stack * stride + 2;
  for (const column of order) {
    const lo = (words[at] as number) + (reader.valueLo[column] as number);
    words[at] = lo;
    words[at + 1] = (words[at + 1] as number) + (reader.valueHi[column] as number) + (lo > 0xffffffff ? 1 : 0);
    at += 2;
  }
}

/** Servers drop a sample in which any value is negative. Such a value, also a sum above 63 bits, counts as zero. */
function dropNegatives({ words, stride, count }: U64Table): void {
  for (let stack = 0; stack < count; stack++) {
    for (let at = stack * stride + 2; at < (stack + 1) * stride; at += 2) {
      if ((words[at + 1] as number) < 2 ** 31) continue;
      words[at] = 0;
      words[at + 1] = 0;
    }
  }
}
