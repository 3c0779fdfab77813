import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { headerBytes, readHeader } from "../../src/storage/file-header.ts";
import { checksum, frameHeadBytes, readFrameHead } from "../../src/storage/frame.ts";
import { readEntries } from "../../src/storage/journal-entry.ts";
import { readRecord, readRecordHead } from "../../src/storage/record.ts";

/** A profile as it lies in a segment of a log. */
export interface StoredRecord {
  readonly id: string;
  readonly number: number;
  /** Who wanted it when it was written, as the log knows them. */
  readonly owners: readonly string[];
  /** Of the profile without its labels. */
  readonly dataBytes: number;
  /** Of its frame in the file. */
  readonly start: number;
  readonly end: number;
}

/** One segment, whole as far as it was written. */
export interface StoredSegment {
  readonly path: string;
  readonly component: string;
  /** No other of its component was written after it. */
  readonly isNewest: boolean;
  readonly bytes: number;
  readonly records: readonly StoredRecord[];
  /** Ids that somebody still wants, by its journal. */
  readonly wanted: ReadonlySet<string>;
  /** `undefined` where there is none yet. */
  readonly journal: string | undefined;
}

/** The segments of all components below a data directory. The harness reads the format itself, so that a mistake of the agent's own reader cannot hide. */
export function segmentsIn(storage: string): StoredSegment[] {
  const spool = join(storage, "spool");
  return list(spool).flatMap((component) => {
    const paths = logsIn(join(spool, component));
    return paths.map((path) => segmentOf(path, component, path === paths.at(-1)));
  });
}

/** What is in a directory, in order; nothing where it is not there, or not any more. */
export function list(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function logsIn(directory: string): string[] {
  const names = list(directory).filter((name) => /^\d{16}\.log$/.test(name));
  return names.map((name) => join(directory, name));
}

function segmentOf(path: string, component: string, isNewest: boolean): StoredSegment {
  const bytes = read(path);
  const records = [...recordsOf(bytes)];
  const journalPath = join(dirname(path), basename(path).replace(".log", ".settled"));
  const journal = existsSync(journalPath) ? journalPath : undefined;
  const wanted = wantedOf(records, { first: readHeader("log", bytes)?.first ?? 0, journal });
  return { path, component, isNewest, bytes: bytes.length, records, wanted, journal };
}

/** Empty where an agent has just deleted it. */
function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

/** The records of a segment from `from` on, up to the first that is not there as a whole. */
export function* recordsOf(bytes: Buffer, from = headerBytes): Generator<StoredRecord> {
  for (const { payload, start, end } of framesOf("log", bytes, from)) {
    const head = readRecordHead(payload);
    if (!head) return;
    // Nobody's: the agent wrote it to see whether the disk works.
    if (head.owners.length === 0) continue;
    const { meta, data } = readRecord(payload);
    const { id } = JSON.parse(Buffer.from(meta).toString()) as { id: string };
    yield { id, number: head.number, owners: head.owners, dataBytes: data.length, start, end };
  }
}

function* framesOf(kind: "log" | "journal", bytes: Buffer, from: number) {
  const marker = readHeader(kind, bytes.subarray(0, headerBytes))?.marker;
  if (!marker) return;
  for (let start = from; ; ) {
    const head = readFrameHead(bytes, marker, start);
    const end = start + frameHeadBytes + (head?.payloadBytes ?? 0);
    const payload = bytes.subarray(start + frameHeadBytes, end);
    if (!head || end > bytes.length || checksum(bytes.subarray(start), [payload]) !== head.checksum) return;
    yield { payload, start, end };
    start = end;
  }
}

function wantedOf(
  records: readonly StoredRecord[],
  { first, journal }: { readonly first: number; readonly journal: string | undefined },
): ReadonlySet<string> {
  const owners = new Map(records.map((record) => [record.number, { id: record.id, wanting: new Set(record.owners) }]));
  const frames = journal === undefined ? [] : framesOf("journal", read(journal), headerBytes);
  for (const { payload } of frames)
    for (const { slot, owner, wanted } of readEntries(payload)) {
      const wanting = owners.get(first + slot)?.wanting;
      if (wanted) wanting?.add(owner);
      else wanting?.delete(owner);
    }
  return new Set([...owners.values()].filter(({ wanting }) => wanting.size > 0).map(({ id }) => id));
}
