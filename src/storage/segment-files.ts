import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { compareText, limits } from "../base/index.ts";
import { encodeHeader, formatVersion } from "./file-header.ts";
import { checksum, frameHead, frameHeadBytes, readFrameHead } from "./frame.ts";
import { encodeEntries } from "./journal-entry.ts";
import { readRecord, readRecordHead } from "./record.ts";
import type { Segment } from "./segment.ts";
import type { SpoolRecord } from "./spool-log.ts";
import { isMissing } from "./storage-error.ts";
import { writeAll } from "./write-all.ts";

const damagedFolder = "damaged";

/** For people, on what `setAside` put away. */
export const asideAdvice = "check the disk; the file is kept for whoever wants to look into it, and may be deleted";

const fileName = (first: number): string => String(first).padStart(16, "0");

export const logPath = (dir: string, { first }: { readonly first: number }): string =>
  join(dir, `${fileName(first)}.log`);

export const journalPath = (dir: string, { first }: { readonly first: number }): string =>
  join(dir, `${fileName(first)}.settled`);

/** The record in that slot; or why it is not there as it was written: the whole file is missing, or what stands there is another. */
export async function readSlot(
  dir: string,
  segment: Segment,
  slot: number,
): Promise<SpoolRecord | "missing" | "damaged"> {
  const bytes = Buffer.allocUnsafe(segment.slots.bytesOf(slot));
  try {
    const file = await open(logPath(dir, segment), "r");
    try {
      await readFully(file, bytes, segment.slots.offsetOf(slot));
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (isMissing(thrown)) return "missing";
    throw thrown;
  }
  const head = readFrameHead(bytes, segment.marker, 0);
  const payload = bytes.subarray(frameHeadBytes);
  if (head?.payloadBytes !== payload.length || checksum(bytes, [payload]) !== head.checksum) return "damaged";
  return readRecordHead(payload)?.number === segment.first + slot ? readRecord(payload) : "damaged";
}

/** Fills `into`; what the file does not have is zero. */
export async function readFully(file: FileHandle, into: Buffer, offset: number): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const { bytesRead } = await file.read(into, length, into.length - length, offset + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  into.fill(0, length);
  return length;
}

/** What a segment's journal is to be told. */
export interface EncodedNotes {
  readonly notes: number;
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
}

export function encodeNotes(segment: Segment): EncodedNotes {
  const parts = encodeEntries(segment.notes).flatMap((payload) => [frameHead(segment.marker, [payload]), payload]);
  if (segment.journalBytes === 0)
    parts.unshift(encodeHeader("journal", { ...headerOf(segment), version: formatVersion }));
  return { notes: segment.notes.length, parts, bytes: parts.reduce((sum, part) => sum + part.length, 0) };
}

/** Writes notes to the journal, behind what is good there, so that what an earlier failure left is written over. */
export async function writeNotes(
  path: string,
  { segment, encoded }: { readonly segment: Segment; readonly encoded: EncodedNotes },
): Promise<void> {
  const { notes, parts, bytes } = encoded;
  const file = await open(path, segment.journalBytes === 0 ? "w" : "r+", 0o600);
  try {
    await writeAll(file, parts, segment.journalBytes);
  } finally {
    await file.close();
  }
  segment.journalBytes += bytes;
  // More may have come meanwhile.
  segment.notes = segment.notes.slice(notes);
}

/** Makes what was written to a file safe. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

export const headerOf = ({ marker, first, bootId }: Segment) => ({ marker, first, bootId });

/** Deletes both files: the journal last, because without it everything in the log would be wanted again. */
export async function removeSegment(dir: string, segment: { readonly first: number }): Promise<void> {
  await unlinkIfThere(logPath(dir, segment));
  await unlinkIfThere(journalPath(dir, segment));
}

/** Moves a file with damage to where nobody reads it but people. */
export async function setAside(
  dir: string,
  path: string,
  { maxBytes }: { readonly maxBytes: number },
): Promise<string> {
  const folder = join(dir, damagedFolder);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Numbers begin again with 1 in an empty log.
  const name = path.slice(dir.length + 1).replace(".", `-${randomBytes(4).toString("hex")}.`);
  const to = join(folder, name);
  await rename(path, to).catch(ignoreMissing);
  await prune(folder, maxBytes / 4);
  return to;
}

async function prune(folder: string, maxBytes: number): Promise<void> {
  const names = await readdir(folder);
  const found = await Promise.all(
    names.map(async (name) => {
      const stats = await stat(join(folder, name));
      return { name, size: stats.size, ctimeMs: stats.ctimeMs, isFile: stats.isFile() };
    }),
  );
  // Directories are somebody else's.
  const files = found.filter(({ isFile }) => isFile);
  // Deno 2.9 gives that time in whole seconds.
  files.sort((a, b) => b.ctimeMs - a.ctimeMs || compareText(b.name, a.name));
  let bytes = 0;
  for (const [index, { name, size }] of files.entries()) {
    bytes += size;
    if (index >= limits.spoolDamagedFiles || bytes > maxBytes) await unlinkIfThere(join(folder, name));
  }
}

/** Whether somebody removed the segment. */
export async function isGone(dir: string, segment: Segment): Promise<boolean> {
  try {
    await stat(logPath(dir, segment));
    return false;
  } catch (thrown) {
    return isMissing(thrown);
  }
}

export async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch(ignoreMissing);
}

function ignoreMissing(thrown: unknown): void {
  if (!isMissing(thrown)) throw thrown;
}
