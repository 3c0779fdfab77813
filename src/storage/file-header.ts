import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { markerBytes } from "./frame.ts";

export type SpoolFileKind = "log" | "journal";

/** What the two files of a segment begin with. */
export interface FileHeader {
  readonly version: number;
  /** Random, and in no other segment; stands before every frame, so that the next one is found after damage. Not known to who is profiled. */
  readonly marker: Uint8Array;
  /** Number of the first record. */
  readonly first: number;
  /** The boot clock's id when it was written. */
  readonly bootId: string;
}

export const formatVersion = 1;

const magics = { log: "pa-spool", journal: "pa-notes" } as const;

/*
 *     0  8  magic
 *     8  4  format version
 *    12  4  length of the boot id
 *    16  8  sync marker
 *    24  8  number of the first record
 *    32 60  boot id
 *    92  4  CRC-32 of what stands before
 */
const copyBytes = 96;
const maxBootIdBytes = 60;

/** A header stands twice, because everything else in the file hangs on it. */
export const headerBytes = 2 * copyBytes;

export function encodeHeader(kind: SpoolFileKind, { version, marker, first, bootId }: FileHeader): Uint8Array {
  const bytes = Buffer.alloc(headerBytes);
  bytes.write(magics[kind], 0, "latin1");
  bytes.writeUInt32LE(version, 8);
  bytes.writeUInt32LE(bytes.write(bootId, 32, maxBootIdBytes, "utf8"), 12);
  bytes.set(marker.subarray(0, markerBytes), 16);
  bytes.writeDoubleLE(first, 24);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, copyBytes - 4)), copyBytes - 4);
  bytes.copyWithin(copyBytes, 0, copyBytes);
  return bytes;
}

/** The header, which has this form in all versions; `undefined` where neither of its copies is whole. */
export function readHeader(kind: SpoolFileKind, bytes: Buffer): FileHeader | undefined {
  return readCopy(kind, bytes.subarray(0, copyBytes)) ?? readCopy(kind, bytes.subarray(copyBytes, headerBytes));
}

/** Whether that is what a header begins with, as far as it goes: nobody finished it. */
export function isBeginOfHeader(kind: SpoolFileKind, bytes: Buffer): boolean {
  return bytes.length < headerBytes && magics[kind].startsWith(bytes.toString("latin1", 0, magics[kind].length));
}

function readCopy(kind: SpoolFileKind, bytes: Buffer): FileHeader | undefined {
  if (bytes.length < copyBytes || bytes.toString("latin1", 0, 8) !== magics[kind]) return undefined;
  if (crc32(bytes.subarray(0, copyBytes - 4)) !== bytes.readUInt32LE(copyBytes - 4)) return undefined;
  return {
    version: bytes.readUInt32LE(8),
    marker: Uint8Array.from(bytes.subarray(16, 16 + markerBytes)),
    first: bytes.readDoubleLE(24),
    bootId: bytes.toString("utf8", 32, 32 + Math.min(bytes.readUInt32LE(12), maxBootIdBytes)),
  };
}
