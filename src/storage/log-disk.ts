import { Buffer } from "node:buffer";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { type Clock, limits } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import type { PendingRecord } from "./active-segment.ts";
import { type DirectoryAccess, syncDirectory } from "./directory-access.ts";
import { NewerSegments } from "./newer-segments.ts";
import { recoverLog } from "./recover-log.ts";
import type { Segment } from "./segment.ts";
import { encodeNotes, isGone, journalPath, logPath, syncFile, writeNotes } from "./segment-files.ts";
import { SegmentIndex } from "./segment-index.ts";
import { SegmentTrash } from "./segment-trash.ts";
import { SegmentWriter } from "./segment-writer.ts";
import type { SpoolLogOptions } from "./spool-log.ts";
import type { LostReason, SpoolMetrics } from "./spool-metrics.ts";
import { StorageError, storageError } from "./storage-error.ts";

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
  readonly #newer: NewerSegments;
  #recovering: Promise<void> | undefined;
  #isRecovered = false;
  #isMade = false;
  /** Segments with notes to be written. */
  readonly #noted = new Set<Segment>();
  /** Segments whose journal the system has, but perhaps not yet the disk. */
  readonly #unsynced = new Set<Segment>();
  /** Those of a directory that is not at its path any more, until it is known whether what is there now are the same. */
  #hidden: readonly Segment[] = [];
  /** What is to be deleted, and is not in the index any more. */
  readonly #trash: SegmentTrash;
  #namesChanged = false;
  /** When journals and names were last safe on disk. */
  #syncedAtMs = Number.NEGATIVE_INFINITY;
  /** Which time the directory was locked when its segments were read. */
  #held = 0;
  #isClosed = false;

  constructor(dir: string, options: LogDiskOptions) {
    this.#dir = dir;
    this.#options = options;
    this.#writer = new SegmentWriter(dir, options);
    this.#newer = new NewerSegments(dir, options);
    this.#trash = new SegmentTrash(dir, { log: options.log, maxBytes: () => options.current().maxBytes });
  }

  /** Reads what is there, once. `false` where there is no data directory yet. Rejects with a StorageError. */
  async open(): Promise<boolean> {
    if (this.#isRecovered) return true;
    if (!(await this.#options.access.acquireExisting())) return false;
    // The directory may be another agent's by now.
    if (this.#isClosed) throw new StorageError("closed", `Cannot use the log "${this.#dir}": it was closed`);
    // Somebody else may have opened it meanwhile: twice in the index, every record would be sent twice.
    if (this.#isRecovered) return true;
    await (this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = undefined;
    }));
    return true;
  }

  /** The owner wants it no more. Returns whether it did, and that is to be written soon. */
  settle(number: number, owner: string): boolean {
    for (const segment of this.#hidden) {
      const slot = number - segment.first;
      if (slot >= 0 && slot < segment.slots.length) segment.unwant(slot, owner);
    }
    const segment = this.index.find(number);
    if (!segment?.unwant(number - segment.first, owner)) return false;
    this.note(segment, { slot: number - segment.first, owner, wanted: false });
    return true;
  }

  /** Notes in the journal what has become of a record. */
  note(segment: Segment, entry: Segment["notes"][number]): void {
    segment.notes.push(entry);
    this.#noted.add(segment);
  }

  /** How long until `tidy` has something to do; `undefined` where it has nothing. */
  get tidyInMs(): number | undefined {
    const dueMs: number[] = [];
    // Written soon, for a process that is killed; synced later, for a power cut.
    if (this.#noted.size > 0) dueMs.push(limits.spoolCommitMs);
    if (this.#trash.dueInMs !== undefined) dueMs.push(this.#trash.dueInMs);
    if (this.#unsynced.size > 0 || this.#namesChanged) dueMs.push(this.#syncInMs);
    if (this.#writer.segment && !this.#writer.segment.isWanted) dueMs.push(limits.spoolIdleMs - this.#writer.idleMs);
    return dueMs.length > 0 ? Math.max(0, Math.min(...dueMs)) : undefined;
  }

  get #syncInMs(): number {
    return this.#syncedAtMs + limits.spoolSettleMs - this.#options.clock.monotonic();
  }

  /** In segments of a later version of the agent. */
  get newerBytes(): number {
    return this.#newer.bytes;
  }

  /** Writes records, all of them or the first ones. */
  async commit(records: readonly PendingRecord[]): Promise<CommitResult> {
    const numbers: number[] = [];
    try {
      await this.#refuseIfReplaced();
      await this.#make();
      while (numbers.length < records.length) {
        const { segment, from, count } = await this.#writer.write(records.slice(numbers.length), async (more) => {
          await this.#makeRoom(more);
          this.#refuseIfOver(more);
        });
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

  /**
   * Deletes what nobody wants, and writes the journals; safe against a power cut with `sync`, and else every `spoolSettleMs`. Rejects with a
   * StorageError.
   */
  async tidy({ sync, closing }: { readonly sync: boolean; readonly closing: boolean }): Promise<void> {
    try {
      await this.#refuseIfReplaced();
      // One with room left is kept for what may come soon.
      const isIdle = !this.#writer.segment?.isWanted && this.#writer.idleMs >= limits.spoolIdleMs;
      if (closing || isIdle) await this.#writer.seal();
      for (const segment of this.index.segments)
        if (!segment.isWanted && segment !== this.#writer.segment) this.#discard(segment);
      try {
        await this.#makeRoom(0);
      } finally {
        await this.#writeNotes();
      }
      if (sync || this.#syncInMs <= 0) await this.#sync();
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

  /** Gives up the records of a segment that somebody removed. */
  loseSegment(segment: Segment): void {
    this.#options.log.warn("Somebody removed a segment of a log; what was in it is lost", {
      path: logPath(this.#dir, segment),
    });
    this.#giveUp(segment, "spool_damaged");
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#recovering?.catch(() => {});
    await this.#writer.seal();
  }

  async #recover(): Promise<void> {
    const { access, log, metrics, current } = this.#options;
    try {
      const { times } = access;
      const counting: SpoolMetrics = {
        ...metrics,
        lost(reason, records) {
          metrics.lost(reason, records);
          for (let left = records; left > 0; left--)
            current().onLost({ number: undefined, owner: "", reason, bytes: 0 });
        },
      };
      const found = await recoverLog(this.#dir, { log, metrics: counting, maxBytes: current().maxBytes });
      this.#settleHidden(found.segments);
      this.index.add(...found.segments);
      this.#newer.found(found.newer);
      this.#writer.startAt(found.nextNumber);
      this.#held = times;
      this.#isRecovered = true;
      current().onRecovered?.();
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

  /**
   * Writes nothing where somebody removed or replaced the files meanwhile: what is appended to a file without a name is lost, and by now
   * the names may be those of another agent's files. What is there then is read, once the directory is ours again.
   */
  async #refuseIfReplaced(): Promise<void> {
    if (!this.#isRecovered) return;
    const isHeld = await this.#options.access.stillHeld(this.#held);
    if (isHeld && (await this.#writer.isInPlace())) return;
    await this.#writer.abandon();
    this.#isMade = false;
    for (const segment of this.index.segments)
      if (await isGone(this.#dir, segment)) this.#giveUp(segment, "spool_damaged");
    if (!isHeld) {
      this.#hidden = this.index.segments;
      for (const segment of [...this.#hidden, ...this.#trash.segments]) this.#forget(segment);
      this.#isRecovered = false;
      // Where that fails, the next commit tries it again.
      await this.open().catch(() => this.#settleHidden([]));
    }
    throw new StorageError(
      "io",
      `Cannot write to the log "${this.#dir}": somebody removed or replaced its files while the agent was running; what was in them is lost, and they are made anew`,
    );
  }

  /** As far as it can be made. */
  async #makeRoom(bytes: number): Promise<void> {
    await this.#newer.makeRoom(() => this.#excess(bytes) > 0);
    await this.#deleteOver(bytes);
  }

  /** Lets the oldest segments go until so many bytes more have room. */
  async #deleteOver(moreBytes: number): Promise<void> {
    // What could not be deleted may be by now.
    if (this.#trash.problem) await this.#emptyTrash();
    for (const segment of this.index.segments) {
      if (this.#excess(moreBytes) <= 0 || segment === this.#writer.segment || !this.#trash.takesMore) break;
      this.#giveUp(segment, "spool_full");
    }
    await this.#emptyTrash();
  }

  #emptyTrash(): Promise<void> {
    return this.#trash.empty((segment) => {
      this.#forget(segment);
      this.#namesChanged = true;
    });
  }

  /** Refuses what has no room beside files that may not, or cannot, be deleted. */
  #refuseIfOver(moreBytes: number): void {
    if (this.#excess(moreBytes) <= 0) return;
    if (this.#newer.bytes > 0) throw this.#newer.refusal(this.#options.current().maxBytes);
    if (this.#trash.problem) throw this.#trash.problem;
  }

  /** How far above the bound the log would be with so many bytes more. */
  #excess(moreBytes: number): number {
    const there = this.index.bytes + this.#newer.bytes + this.#trash.stuckBytes;
    return there + moreBytes - this.#options.current().maxBytes;
  }

  #giveUp(segment: Segment, reason: LostReason): void {
    this.#discard(segment);
    this.#tellAllLost(segment, reason);
  }

  /** Tells what was lost with a directory: all but what is there again. Another directory may use the same numbers. */
  #settleHidden(found: readonly Segment[]): void {
    const sameAs = (segment: Segment): Segment | undefined =>
      found.find(({ marker }) => Buffer.compare(marker, segment.marker) === 0);
    for (const segment of this.#hidden) {
      const same = sameAs(segment);
      if (same) this.#goOnWith(same, segment);
      else this.#tellAllLost(segment, "spool_damaged");
    }
    this.#hidden = [];
  }

  /** What became of records since is known here, and perhaps not yet there. */
  #goOnWith(found: Segment, known: Segment): void {
    for (let slot = 0; slot < found.slots.length; slot++) {
      const wanting = known.ownersOf(slot);
      for (const owner of found.ownersOf(slot))
        if (!wanting.includes(owner) && found.unwant(slot, owner)) this.note(found, { slot, owner, wanted: false });
      for (const owner of wanting) if (found.want(slot, owner)) this.note(found, { slot, owner, wanted: true });
    }
  }

  #tellAllLost(segment: Segment, reason: LostReason): void {
    for (let slot = 0; slot < segment.slots.length; slot++) this.#tellLost(segment, slot, reason);
  }

  #tellLost(segment: Segment, slot: number, reason: LostReason): void {
    const owners = segment.ownersOf(slot);
    if (owners.length === 0) return;
    this.#options.metrics.lost(reason, 1);
    const bytes = segment.slots.bytesOf(slot);
    for (const owner of owners) {
      segment.unwant(slot, owner);
      this.#options.current().onLost({ number: segment.first + slot, owner, reason, bytes });
    }
  }

  /** It is deleted before long. */
  #discard(segment: Segment): void {
    this.index.remove(segment);
    this.#trash.add(segment);
  }

  /** Its files are deleted, or not ours any more. */
  #forget(segment: Segment): void {
    this.index.remove(segment);
    this.#trash.forget(segment);
    this.#noted.delete(segment);
    this.#unsynced.delete(segment);
  }

  async #writeNotes(): Promise<void> {
    for (const segment of this.#noted) {
      const encoded = encodeNotes(segment);
      // Journals are within the bound too, and the oldest segment that goes for this one's may be its own.
      await this.#deleteOver(encoded.bytes);
      // What cannot be removed must not be wanted again after a restart.
      if (!this.index.has(segment) && !this.#trash.isStuck(segment)) continue;
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
    if (this.#namesChanged) await syncDirectory(this.#dir);
    this.#namesChanged = false;
    this.#syncedAtMs = this.#options.clock.monotonic();
  }
}
