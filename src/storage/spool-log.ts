import type { RecordAge } from "./record-age.ts";
import type { LostReason } from "./spool-metrics.ts";
import type { StorageError } from "./storage-error.ts";

/** What is kept of one profile. The log does not look into either part. */
export interface SpoolRecord {
  readonly meta: Uint8Array;
  readonly data: Uint8Array;
}

export interface SpoolLogOptions {
  /** What all segments together may occupy. */
  readonly maxBytes: number;
  /**
   * Told of every record that the log lets go by itself: for room, or because it cannot be read any more. Of one that cannot be read at `open`
   * already nobody knows who wanted it and how large it was: its owner is "" then, its bytes are 0, and it has no number.
   */
  readonly onLost: (lost: LostRecord) => void;
  /**
   * Told whenever what is on disk has been read: at `open`, or before the first write to a directory that was not there before, or that
   * came back. No record that this process appended is in the log at that moment.
   */
  readonly onRecovered?: () => void;
  /** Told whenever it was tried to write down what was settled: why that failed, `undefined` where nothing is left to be written down. */
  readonly onTidied?: (problem: StorageError | undefined) => void;
}

export interface AppendOptions {
  /** When it began to wait, where that was before it is appended: how long ago, and what the wall clock said then. */
  readonly waiting?: { readonly ageMs: number; readonly sinceWallMs: number } | undefined;
}

export interface LostRecord {
  readonly number: number | undefined;
  /** Who still wanted it. */
  readonly owner: string;
  readonly reason: LostReason;
  /** What it occupied on disk. */
  readonly bytes: number;
}

/**
 * Records on disk, each wanted by one or more owners (endpoints) until they settle it. A record is named by its number, which grows.
 * Everything but `open`, `append`, `read`, `flush` and `close` is answered from memory. A record that nobody wants any more cannot be adopted.
 */
export interface SpoolLog {
  /** Reads what an earlier process left; resolves at once where that is done. Rejects with a StorageError; may be tried again. */
  open(): Promise<void>;
  /** Both parts must stay as they are until then. Resolves with its number once the record is safe on disk, some `spoolCommitMs` later. Rejects with a StorageError; nothing is kept then. A record without owners is written all the same, and goes before long. */
  append(record: SpoolRecord, owners: readonly string[], options?: AppendOptions): Promise<number>;
  /** Lets another owner want it too. */
  adopt(number: number, owner: string): void;
  /** The owner wants it no more. Written some time later: after a crash it may be wanted again. */
  settle(number: number, owner: string): void;
  /** The record, checksum verified. Rejects with a StorageError; with `damaged` it is lost, and `onLost` was told who wanted it. */
  read(number: number): Promise<SpoolRecord>;
  /** The first record above `after` that the owner wants. */
  next(owner: string, after?: number): number | undefined;
  /** What it occupies on disk; 0 where there is none. */
  bytesOf(number: number): number;
  /** Rule: see recordAge(). */
  ageOf(number: number): RecordAge;
  /** Whether it was appended since the machine started, as far as that can be told. */
  isOfThisBoot(number: number): boolean;
  /** Wall time at which it was appended or began to wait, as the clock said then. */
  appendedAtMs(number: number): number;
  /** Everybody who wants a record. */
  owners(): readonly string[];
  usage(owner: string): { readonly records: number; readonly bytes: number };
  snapshot(): SpoolStatus;
  applyOptions(options: SpoolLogOptions): void;
  /** Resolves once everything appended and settled so far is on disk. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface SpoolStatus {
  readonly segments: number;
  /** On disk, settled records included. */
  readonly bytes: number;
  /** In segments of a later version of the agent, which count in the bound too; absent where there are none. */
  readonly newerBytes?: number;
  /** What the index of the records occupies in memory. */
  readonly memoryBytes?: number;
  /** Why the last write failed; absent once one succeeds. */
  readonly problem?: { readonly reason: string; readonly message: string };
}
