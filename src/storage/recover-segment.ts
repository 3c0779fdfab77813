import { Buffer } from "node:buffer";
import { type FileHandle, open, stat } from "node:fs/promises";
import { errorMessage, limits } from "../base/index.ts";
import { formatVersion, headerBytes, isBeginOfHeader, readHeader } from "./file-header.ts";
import { frameHeadBytes } from "./frame.ts";
import { type ScanResult, scanFrames } from "./frame-scan.ts";
import { type JournalEntry, readEntries } from "./journal-entry.ts";
import { minRecordHeadBytes, readRecordHead } from "./record.ts";
import { Segment } from "./segment.ts";
import { isDiskFailure, isExhausted, isMissing } from "./storage-error.ts";

/** A segment as it was found. */
export type Recovered =
  /** Written by a later version, which may have put so many records in it. */
  | { readonly kind: "newer"; readonly version: number; readonly mayHold: number; readonly bytes: number }
  /** It cannot be opened, or is no file: whatever it is, it may hold so many records. */
  | { readonly kind: "closed"; readonly why: string; readonly mayHold: number }
  /** Nobody finished its header: the process ended while it was made. */
  | { readonly kind: "empty" }
  /** Nothing in it can be read. */
  | { readonly kind: "unreadable"; readonly why: string }
  | {
      readonly kind: "good";
      readonly segment: Segment;
      readonly lostRecords: number;
      readonly torn: boolean;
      /** The disk failed while it was read. */
      readonly diskFailed: boolean;
      readonly badJournal: boolean;
    };

export interface RecoverOptions {
  readonly first: number;
  /** Whether no other segment was written after it: then its end may be torn. */
  readonly isNewest: boolean;
}

/**
 * Reads a log file and its journal, and cuts off what is torn. Whatever is wrong with the file is its own affair, so that the others can
 * be used. Rejects only where this process can open no file at all.
 */
export async function recoverSegment(
  paths: { readonly log: string; readonly journal: string },
  options: RecoverOptions,
): Promise<Recovered> {
  let size: number | undefined;
  try {
    const stats = await stat(paths.log);
    if (!stats.isFile()) return { kind: "closed", why: "It is no file", mayHold: 1 };
    ({ size } = stats);
    return await readSegment(paths, options);
  } catch (thrown) {
    if (isExhausted(thrown)) throw thrown;
    if (isDiskFailure(thrown)) return { kind: "unreadable", why: diskFailure };
    return { kind: "closed", why: errorMessage(thrown), mayHold: mostIn(size ?? limits.spoolSegmentBytes.max) };
  }
}

const diskFailure = "The disk failed while it was read";

function mostIn(bytes: number): number {
  return Math.ceil(bytes / frameHeadBytes);
}

async function readSegment(
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
    if (!header) return { kind: "unreadable", why: "It has no header" };
    if (header.version > formatVersion)
      return { kind: "newer", version: header.version, mayHold: mostIn(size), bytes: size };
    if (header.first !== first) return { kind: "unreadable", why: "Its name is that of another one" };
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
  const torn = hasTail && isNewest && !scan.hasFailed;
  // On a disk that lets nothing be changed its records can be read all the same.
  const isCut = torn && (await cutOff(paths.log, scan.end).catch(() => false));
  segment.logBytes = isCut ? scan.end : size;
  segment.slots.shrink();
  const lostRecords = lostOf(segment, scan) + (hasTail && !torn ? 1 : 0);
  segment.damaged = lostRecords > 0;
  const badJournal = !(await applyJournal(paths.journal, segment));
  return { kind: "good", segment, lostRecords, torn, badJournal, diskFailed: scan.hasFailed };
}

/** Synced, because a tail that came back after a power cut would be damage in a segment that is not the newest any more. */
async function cutOff(path: string, size: number): Promise<true> {
  const file = await open(path, "r+");
  try {
    await file.truncate(size);
    await file.datasync();
    return true;
  } finally {
    await file.close();
  }
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
  let entries: readonly JournalEntry[] | undefined;
  try {
    entries = await readJournal(path, segment);
  } catch (thrown) {
    if (isExhausted(thrown)) throw thrown;
    if (isMissing(thrown)) return true;
  }
  for (const { slot, owner, wanted } of entries ?? []) {
    if (wanted) segment.want(slot, owner);
    else segment.unwant(slot, owner);
  }
  return entries !== undefined;
}

/** What a journal says; `undefined` where it has damage. */
async function readJournal(path: string, segment: Segment): Promise<readonly JournalEntry[] | undefined> {
  const file = await open(path, "r");
  const entries: JournalEntry[] = [];
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return undefined;
    const { size } = stats;
    // Its first write did not get that far.
    if (size < headerBytes) return entries;
    const header = readHeader("journal", await readStart(file));
    if (!header || Buffer.compare(header.marker, segment.marker) !== 0) return undefined;
    const { damages, end, hasFailed } = await scanFrames(file, {
      marker: segment.marker,
      from: headerBytes,
      size,
      onFrame: ({ payload, bytes }) => {
        if (bytes > limits.spoolReadBytes) return false;
        entries.push(...readEntries(payload));
        return true;
      },
    });
    if (damages > 0 || hasFailed) return undefined;
    segment.journalBytes = end;
    return entries;
  } finally {
    await file.close();
  }
}
