import { randomBytes } from "node:crypto";
import { open, stat, unlink } from "node:fs/promises";
import { syncDirectory } from "./directory-access.ts";
import { encodeHeader, formatVersion, headerBytes } from "./file-header.ts";
import { frameHead, frameHeadBytes, markerBytes } from "./frame.ts";
import { numberRecord } from "./record.ts";
import { Segment } from "./segment.ts";
import { headerOf, logPath, unlinkIfThere } from "./segment-files.ts";
import { isMissing } from "./storage-error.ts";
import { writeAll } from "./write-all.ts";

/** A record that is to be written. */
export interface PendingRecord {
  /** What stands before meta and data; the number is still to come. */
  readonly head: Uint8Array;
  readonly meta: Uint8Array;
  readonly data: Uint8Array;
  readonly owners: readonly string[];
  readonly wallMs: number;
  readonly bootMs: number;
}

/** What it will occupy in a segment. */
export function frameBytesOf({ head, meta, data }: Pick<PendingRecord, "head" | "meta" | "data">): number {
  return frameHeadBytes + head.length + meta.length + data.length;
}

/** The segment that is written to. */
export interface ActiveSegment {
  readonly segment: Segment;
  /** What it will have taken up on disk with so many bytes of records more. */
  bytesWith(recordBytes: number): number;
  /**
   * Writes the records, safe on disk when it resolves, and numbers them. After a rejection none of them is in the segment, `isUsable`
   * says whether it can be written to, and `mayHold` how many numbers the disk may know all the same: it may come back after a power cut
   * with what was cut off, and with the file that was removed.
   */
  append(records: readonly PendingRecord[]): Promise<void>;
  readonly isUsable: boolean;
  readonly mayHold: number;
  /** Whether the file is still at its path: somebody may have removed or moved it. */
  isInPlace(): Promise<boolean>;
  /** Lets go of the file as it is. */
  abandon(): Promise<void>;
  close(): Promise<void>;
}

/** Makes the file; it has no header before the first records. */
export async function createActiveSegment(
  dir: string,
  { first, bootId }: { readonly first: number; readonly bootId: string },
): Promise<ActiveSegment> {
  const segment = new Segment({ first, bootId, marker: randomBytes(markerBytes) });
  const path = logPath(dir, segment);
  const file = await open(path, "wx", 0o600);
  const { ino } = await file.stat();
  let [isUsable, mayHold] = [true, 0];

  const write = async (parts: readonly Uint8Array[]): Promise<void> => {
    await writeAll(file, parts, segment.logBytes);
    try {
      await file.datasync();
      if (segment.logBytes === 0) await syncDirectory(dir);
    } catch (thrown) {
      // After a sync that failed, the system takes pages for written that are not: nothing more may rest on this file.
      isUsable = false;
      throw thrown;
    }
  };

  const undo = async (): Promise<void> => {
    try {
      if (segment.logBytes === 0) {
        isUsable = false;
        await unlink(path);
      } else {
        await file.truncate(segment.logBytes);
        await file.datasync();
      }
    } catch {
      // What made it necessary is reported.
      isUsable = false;
    }
  };

  return {
    segment,
    bytesWith: (recordBytes) => Math.max(segment.logBytes, headerBytes) + recordBytes,
    async append(records) {
      const parts: Uint8Array[] = [];
      if (segment.logBytes === 0) parts.push(encodeHeader("log", { ...headerOf(segment), version: formatVersion }));
      for (const [index, { head, meta, data }] of records.entries()) {
        numberRecord(head, first + segment.slots.length + index);
        parts.push(frameHead(segment.marker, [head, meta, data]), head, meta, data);
      }
      try {
        await write(parts);
      } catch (thrown) {
        mayHold = Math.max(mayHold, records.length);
        await undo();
        throw thrown;
      }
      enter(segment, records);
    },
    get isUsable() {
      return isUsable;
    },
    get mayHold() {
      return mayHold;
    },
    async isInPlace() {
      const named = await stat(path).catch((thrown: unknown) => {
        if (isMissing(thrown)) return undefined;
        throw thrown;
      });
      return named?.ino === ino;
    },
    abandon: () => file.close(),
    async close() {
      segment.slots.shrink();
      await file.close();
      // Where that fails, the next process deletes it.
      if (segment.logBytes === 0) await unlinkIfThere(path).catch(() => {});
    },
  };
}

/** Puts records that are on disk into the index. */
function enter(segment: Segment, records: readonly PendingRecord[]): void {
  segment.logBytes ||= headerBytes;
  for (const record of records) {
    const { wallMs, bootMs, owners } = record;
    const slot = segment.slots.length;
    const bytes = frameBytesOf(record);
    segment.slots.add(slot, { offset: segment.logBytes, bytes, wallMs, bootMs });
    segment.logBytes += bytes;
    for (const owner of owners) segment.want(slot, owner);
  }
}
