import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { type Clock, limits } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import type { PendingRecord } from "./active-segment.ts";
import { type DirectoryAccess, syncDirectory } from "./directory-access.ts";
import { recoverLog } from "./recover-log.ts";
import type { Segment } from "./segment.ts";
import {
  encodeNotes,
  journalPath,
  logPath,
  removeSegment,
  setAside,
  syncFile,
  unlinkIfThere,
  writeNotes,
} from "./segment-files.ts";
import { SegmentIndex } from "./segment-index.ts";
import { SegmentWriter } from "./segment-writer.ts";
import type { SpoolLogOptions } from "./spool-log.ts";
import type { LostReason, SpoolMetrics } from "./spool-metrics.ts";
import { type StorageError, storageError } from "./storage-error.ts";

export interface LogDiskOptions {
  readonly access: DirectoryAccess;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: SpoolMetrics;
  readonly bootId: string;
  /** The log's bound and who is told of what it loses, as they are now. */
  readonly current: () => SpoolLogOptions;
}

export interface CommitResult {
  /** Of the records that are safe, which are the first ones. */
  readonly numbers: readonly number[];
  /** Why the others are not. */
  readonly error?: StorageError;
}

/**
 * The files of one log and the index of what is in them. `commit` and `tidy` write, and are called one after the other; everything else
 * may be called in between.
 */
export class LogDisk {
  readonly index = new SegmentIndex();
  readonly #dir: string;
  readonly #options: LogDiskOptions;
  readonly #writer: SegmentWriter;
  #recovering: Promise<void> | undefined;
  #isRecovered = false;
  #isMade = false;
  /** Segments with notes to be written. */
  readonly #noted = new Set<Segment>();
  /** Segments whose journal the system has, but perhaps not yet the disk. */
  readonly #unsynced = new Set<Segment>();
  /** Segments to be deleted, which are not in the index any more. */
  readonly #trash = new Set<Segment>();
  #namesChanged = false;

  constructor(dir: string, options: LogDiskOptions) {
    this.#dir = dir;
    this.#options = options;
    this.#writer = new SegmentWriter(dir, options);
  }

  /** Reads what is there, once. `false` where there is no data directory yet. Rejects with a StorageError. */
  async open(): Promise<boolean> {
    if (this.#isRecovered) return true;
    if (!(await this.#options.access.acquireExisting())) return false;
    await (this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = undefined;
    }));
    return true;
  }

  /** Notes in the journal what has become of a record. */
  note(segment: Segment, entry: Segment["notes"][number]): void {
    segment.notes.push(entry);
    this.#noted.add(segment);
  }

  /** How long until `tidy` has something to do; `undefined` where it has nothing. */
  get tidyInMs(): number | undefined {
    if (this.#noted.size > 0 || this.#trash.size > 0) return limits.spoolSettleMs;
    if (!this.#writer.segment || this.#writer.segment.isWanted) return undefined;
    return Math.max(0, limits.spoolIdleMs - this.#writer.idleMs);
  }

  /** Writes records, all of them or the first ones. */
  async commit(records: readonly PendingRecord[]): Promise<CommitResult> {
    const numbers: number[] = [];
    try {
      await this.#make();
      while (numbers.length < records.length) {
        const { segment, from, count } = await this.#writer.write(records.slice(numbers.length), (more) =>
          this.#makeRoom(more),
        );
        if (!this.index.has(segment)) this.index.add(segment);
        for (let index = 0; index < count; index++) numbers.push(from + index);
      }
      return { numbers };
    } catch (thrown) {
      // Somebody may have removed the directory.
      this.#isMade = false;
      return { numbers, error: storageError(thrown, { doing: "write to the log", path: this.#dir }) };
    }
  }

  /** Deletes what nobody wants, and writes the journals; with `sync` safe against a power cut. Rejects with a StorageError. */
  async tidy({ sync, closing }: { readonly sync: boolean; readonly closing: boolean }): Promise<void> {
    try {
      // One with room left is kept for what may come soon.
      if (closing || this.tidyInMs === 0) await this.#writer.seal();
      for (const segment of this.index.segments)
        if (!segment.isWanted && segment !== this.#writer.segment) this.#discard(segment);
      try {
        await this.#makeRoom(0);
      } finally {
        await this.#writeNotes();
      }
      if (sync) await this.#sync();
    } catch (thrown) {
      throw storageError(thrown, { doing: "write to the log", path: this.#dir });
    }
  }

  /** Gives up a record that turned out to be damaged. */
  lose(segment: Segment, slot: number): void {
    if (!segment.damaged)
      this.#options.log.warn("Records of a log are damaged; the others of their segment are kept", {
        path: logPath(this.#dir, segment),
      });
    segment.damaged = true;
    this.#tellLost(segment, slot, "spool_damaged");
  }

  async close(): Promise<void> {
    await this.#recovering?.catch(() => {});
    await this.#writer.seal();
  }

  async #recover(): Promise<void> {
    const { log, metrics, current } = this.#options;
    try {
      const found = await recoverLog(this.#dir, { log, metrics, maxBytes: current().maxBytes });
      this.index.add(...found.segments);
      this.#writer.startAt(found.nextNumber);
      this.#isRecovered = true;
    } catch (thrown) {
      throw storageError(thrown, { doing: "read the log", path: this.#dir });
    }
  }

  /** Makes the directory, and reads what is there: another agent may have had it since it was asked for. */
  async #make(): Promise<void> {
    if (this.#isMade) return;
    await this.#options.access.acquire();
    await this.open();
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await syncDirectory(dirname(this.#dir));
    await syncDirectory(dirname(dirname(this.#dir)));
    this.#isMade = true;
  }

  async #makeRoom(bytes: number): Promise<void> {
    this.#dropOver(bytes);
    await this.#emptyTrash();
  }

  /** Lets the oldest segments go until so many bytes more have room. */
  #dropOver(moreBytes: number): void {
    const { maxBytes } = this.#options.current();
    for (const segment of this.index.segments) {
      if (this.index.bytes + moreBytes <= maxBytes || segment === this.#writer.segment) return;
      this.#discard(segment);
      for (let slot = 0; slot < segment.slots.length; slot++) this.#tellLost(segment, slot, "spool_full");
    }
  }

  #tellLost(segment: Segment, slot: number, reason: LostReason): void {
    const owners = segment.ownersOf(slot);
    if (owners.length === 0) return;
    this.#options.metrics.lost(reason, 1);
    const bytes = segment.slots.bytesOf(slot);
    for (const owner of owners) {
      segment.unwant(slot, owner);
      this.#options.current().onLost({ owner, reason, bytes });
    }
  }

  #discard(segment: Segment): void {
    this.index.remove(segment);
    this.#noted.delete(segment);
    this.#unsynced.delete(segment);
    this.#trash.add(segment);
  }

  async #emptyTrash(): Promise<void> {
    const failures: unknown[] = [];
    for (const segment of this.#trash) {
      try {
        await this.#removeFiles(segment);
        this.#trash.delete(segment);
        this.#namesChanged = true;
      } catch (thrown) {
        // Setting one aside takes some room, which deleting the others makes.
        failures.push(thrown);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  async #removeFiles(segment: Segment): Promise<void> {
    if (!segment.damaged) return removeSegment(this.#dir, segment);
    const { log, current } = this.#options;
    const to = await setAside(this.#dir, logPath(this.#dir, segment), { maxBytes: current().maxBytes });
    await unlinkIfThere(journalPath(this.#dir, segment));
    log.warn("A segment with damage was set aside", { path: to });
  }

  async #writeNotes(): Promise<void> {
    for (const segment of this.#noted) {
      const encoded = encodeNotes(segment);
      // Journals are within the bound too, and the oldest segment that goes for this one's may be its own.
      await this.#makeRoom(encoded.bytes);
      if (!this.index.has(segment)) continue;
      if (segment.journalBytes === 0) this.#namesChanged = true;
      await writeNotes(journalPath(this.#dir, segment), { segment, encoded });
      this.#unsynced.add(segment);
      this.#options.metrics.noted(encoded.bytes);
      if (segment.notes.length === 0) this.#noted.delete(segment);
    }
  }

  /** Journals and the names of files; records are synced as they are written. */
  async #sync(): Promise<void> {
    for (const segment of this.#unsynced) {
      await syncFile(journalPath(this.#dir, segment));
      this.#unsynced.delete(segment);
    }
    if (!this.#namesChanged) return;
    await syncDirectory(this.#dir);
    this.#namesChanged = false;
  }
}
