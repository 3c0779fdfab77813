import { Buffer } from "node:buffer";
import { type FileHandle, open, truncate } from "node:fs/promises";
import { limits } from "../base/index.ts";
import { formatVersion, headerBytes, isBeginOfHeader, readHeader } from "./file-header.ts";
import { frameHeadBytes } from "./frame.ts";
import { type ScanResult, scanFrames } from "./frame-scan.ts";
import { type JournalEntry, readEntries } from "./journal-entry.ts";
import { minRecordHeadBytes, readRecordHead } from "./record.ts";
import { Segment } from "./segment.ts";
import { isMissing } from "./storage-error.ts";

/** A segment as it was found. */
export type Recovered =
  /** Written by a later version, which may have put so many records in it. */
  | { readonly kind: "newer"; readonly version: number; readonly mayHold: number }
  /** Nobody finished its header: the process ended while it was made. */
  | { readonly kind: "empty" }
  /** Nothing in it can be read. */
  | { readonly kind: "unreadable" }
  | {
      readonly kind: "good";
      readonly segment: Segment;
      readonly lostRecords: number;
      readonly torn: boolean;
      readonly badJournal: boolean;
    };

export interface RecoverOptions {
  readonly first: number;
  /** Whether no other segment was written after it: then its end may be torn. */
  readonly isNewest: boolean;
}

/** Reads a log file and its journal, and cuts off what is torn. */
export async function recoverSegment(
  paths: { readonly log: string; readonly journal: string },
  { first, isNewest }: RecoverOptions,
): Promise<Recovered> {
  const file = await open(paths.log, "r");
  let found: { readonly segment: Segment; readonly scan: ScanResult; readonly size: number };
  try {
    const { size } = await file.stat();
    const start = await readStart(file);
    if (size === 0 || (isNewest && isBeginOfHeader("log", start))) return { kind: "empty" };
    const header = readHeader("log", start);
    if (!header) return { kind: "unreadable" };
    if (header.version > formatVersion)
      return { kind: "newer", version: header.version, mayHold: Math.ceil(size / frameHeadBytes) };
    if (header.first !== first) return { kind: "unreadable" };
    const segment = new Segment(header);
    found = {
      segment,
      size,
      scan: await scanFrames(file, { marker: header.marker, from: headerBytes, size, onFrame: entering(segment) }),
    };
  } finally {
    await file.close();
  }
  const { segment, scan, size } = found;
  const hasTail = scan.end < size;
  const torn = hasTail && isNewest;
  if (torn) await truncate(paths.log, scan.end);
  segment.logBytes = torn ? scan.end : size;
  segment.slots.shrink();
  const lostRecords = lostOf(segment, scan) + (hasTail && !isNewest ? 1 : 0);
  segment.damaged = lostRecords > 0;
  const badJournal = !(await applyJournal(paths.journal, segment));
  return { kind: "good", segment, lostRecords, torn, badJournal };
}

async function readStart(file: FileHandle): Promise<Buffer> {
  const bytes = Buffer.alloc(headerBytes);
  const { bytesRead } = await file.read(bytes, 0, headerBytes, 0);
  return bytes.subarray(0, bytesRead);
}

/** Puts every record into the index; numbers have to grow, and not faster than records fit in front of them. */
function entering(segment: Segment): Parameters<typeof scanFrames>[1]["onFrame"] {
  return ({ offset, bytes, payload }) => {
    const head = readRecordHead(payload);
    if (!head) return false;
    const slot = head.number - segment.first;
    if (!Number.isInteger(slot) || slot < segment.slots.length) return false;
    if (slot * (frameHeadBytes + minRecordHeadBytes) > offset) return false;
    segment.slots.add(slot, { offset, bytes, wallMs: head.wallMs, bootMs: head.bootMs });
    for (const owner of head.owners) segment.want(slot, owner);
    return true;
  };
}

/** Each record that is missing among the others; where none is, there is damage all the same. */
function lostOf({ slots }: Segment, { damages }: ScanResult): number {
  let missing = 0;
  for (let slot = 0; slot < slots.length; slot++) if (slots.bytesOf(slot) === 0) missing++;
  return Math.max(missing, damages);
}

/** `false` where there is a journal with damage: then none of it counts, because what is missing may be that somebody wants a record. */
async function applyJournal(path: string, segment: Segment): Promise<boolean> {
  const file = await open(path, "r").catch((thrown: unknown) => {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  });
  if (!file) return true;
  const entries: JournalEntry[] = [];
  try {
    const { size } = await file.stat();
    // Its first write did not get that far.
    if (size < headerBytes) return true;
    const header = readHeader("journal", await readStart(file));
    if (!header || Buffer.compare(header.marker, segment.marker) !== 0) return false;
    const { damages, end } = await scanFrames(file, {
      marker: segment.marker,
      from: headerBytes,
      size,
      onFrame: ({ payload, bytes }) => {
        if (bytes > limits.spoolReadBytes) return false;
        entries.push(...readEntries(payload));
        return true;
      },
    });
    if (damages > 0) return false;
    segment.journalBytes = end;
  } finally {
    await file.close();
  }
  for (const { slot, owner, wanted } of entries) {
    if (wanted) segment.want(slot, owner);
    else segment.unwant(slot, owner);
  }
  return true;
}
