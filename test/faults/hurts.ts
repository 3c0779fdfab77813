import { readFileSync, writeFileSync } from "node:fs";
import type { StoredSegment } from "./spool-files.ts";

/** What was done to one file of a data directory, and what that may cost. */
export interface Hurt {
  /** In words. */
  readonly what: string;
  readonly component: string;
  /** Ids of the records that it hit: these and no others may be missing. */
  readonly hit: ReadonlySet<string>;
  /** Ids of records that were settled, and may come again. */
  readonly mayComeAgain: ReadonlySet<string>;
  /** How the agent has to count it; `undefined` where nothing was hit, or nobody can see that something was. */
  readonly countedAs: "damaged" | "torn" | undefined;
}

/** Cuts the end off a segment. */
export function cutTail({ path, component, isNewest, bytes, records }: StoredSegment): Hurt {
  const length = anyBelow(bytes);
  writeFileSync(path, readFileSync(path).subarray(0, length));
  const lost = records.filter(({ end }) => end > length);
  // Between two records it looks as if no more had been written; and a segment without a header has no record to miss.
  const isSeen = lost.length > 0 && lost.every(({ start }) => start !== length) && length >= (records[0]?.start ?? 0);
  return {
    what: `${length} of ${bytes} bytes left of ${path}`,
    component,
    hit: idsOf(lost),
    mayComeAgain: new Set(),
    countedAs: isSeen ? (isNewest ? "torn" : "damaged") : undefined,
  };
}

/** Turns one bit of a segment over. */
export function flipInLog({ path, component, isNewest, records }: StoredSegment): Hurt {
  const at = flipBit(path);
  const hit = records.filter(({ start, end }) => start <= at && at < end);
  const isLast = hit.some((record) => record === records.at(-1));
  return {
    what: `a bit of byte ${at} of ${path} flipped`,
    component,
    hit: idsOf(hit),
    mayComeAgain: new Set(),
    // The end of the newest segment is one that nobody finished, as far as can be seen. The header stands twice.
    countedAs: hit.length === 0 ? undefined : isLast && isNewest ? "torn" : "damaged",
  };
}

/** Turns one bit of a segment's journal over: none of what it says counts any more. */
export function flipInJournal({ journal = "", component, records }: StoredSegment): Hurt {
  const at = flipBit(journal);
  return {
    what: `a bit of byte ${at} of ${journal} flipped`,
    component,
    hit: new Set(),
    mayComeAgain: idsOf(records),
    countedAs: undefined,
  };
}

function flipBit(path: string): number {
  const bytes = readFileSync(path);
  const at = anyBelow(bytes.length);
  bytes[at] = (bytes[at] as number) ^ (1 << anyBelow(8));
  writeFileSync(path, bytes);
  return at;
}

function idsOf(records: StoredSegment["records"]): ReadonlySet<string> {
  return new Set(records.map(({ id }) => id));
}

export function anyOf<T>(list: readonly T[]): T | undefined {
  return list[anyBelow(list.length)];
}

function anyBelow(bound: number): number {
  return Math.floor(Math.random() * bound);
}
