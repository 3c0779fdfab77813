import { Buffer } from "node:buffer";
import { encodeNames, readNames } from "./record.ts";

/** What became of a record after it was written. */
export interface JournalEntry {
  /** Place of the record in its segment. */
  readonly slot: number;
  readonly owner: string;
  /** Wants it now; or wants it no more. */
  readonly wanted: boolean;
}

/*
 * The payload of a journal's frame:
 *
 *     0  4  length of the owners
 *     4  …  owners, each: 2 length, … name
 *     …  …  entries in the order in which they happened, each: 4 slot, 2 owner, 2 wanted
 */
const entryBytes = 8;
const fixedBytes = 4;

// A frame is read whole, and so has to stay below `spoolReadBytes` beside its owners.
const entriesPerFrame = 4096;
const ownersPerFrame = 32;

/** The payloads that hold these entries. Throws a StorageError where the names of owners are too long. */
export function encodeEntries(entries: readonly JournalEntry[]): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  for (let from = 0; from < entries.length; ) {
    const owners = new Map<string, number>();
    let to = from;
    for (; to < entries.length && to - from < entriesPerFrame; to++) {
      const { owner } = entries[to] as JournalEntry;
      if (owners.has(owner)) continue;
      if (owners.size === ownersPerFrame) break;
      owners.set(owner, owners.size);
    }
    payloads.push(encodeFrame(entries.slice(from, to), owners));
    from = to;
  }
  return payloads;
}

function encodeFrame(entries: readonly JournalEntry[], owners: ReadonlyMap<string, number>): Uint8Array {
  const names = encodeNames([...owners.keys()]);
  const bytes = Buffer.allocUnsafe(fixedBytes + names.length + entries.length * entryBytes);
  bytes.writeUInt32LE(names.length, 0);
  bytes.set(names, fixedBytes);
  let at = fixedBytes + names.length;
  for (const { slot, owner, wanted } of entries) {
    bytes.writeUInt32LE(slot, at);
    bytes.writeUInt16LE(owners.get(owner) as number, at + 4);
    bytes.writeUInt16LE(wanted ? 1 : 0, at + 6);
    at += entryBytes;
  }
  return bytes;
}

/** The entries of a payload whose checksum is right. */
export function readEntries(payload: Buffer): JournalEntry[] {
  const namesEnd = fixedBytes + payload.readUInt32LE(0);
  const owners = readNames(payload.subarray(fixedBytes, namesEnd));
  const entries: JournalEntry[] = [];
  for (let at = namesEnd; at + entryBytes <= payload.length; at += entryBytes) {
    const owner = owners[payload.readUInt16LE(at + 4)];
    if (owner !== undefined)
      entries.push({ slot: payload.readUInt32LE(at), owner, wanted: payload.readUInt16LE(at + 6) === 1 });
  }
  return entries;
}
