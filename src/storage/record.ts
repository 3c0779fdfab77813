import { Buffer } from "node:buffer";
import { limits } from "../base/index.ts";
import type { SpoolRecord } from "./spool-log.ts";
import { StorageError } from "./storage-error.ts";

/*
 * The payload of a record's frame:
 *
 *     0  4  1: a record
 *     4  4  length of the owners
 *     8  8  number
 *    16  8  wall time in milliseconds
 *    24  8  boot time in milliseconds
 *    32  4  length of meta
 *    36  …  owners, each: 2 length, … name
 *     …  …  meta
 *     …  …  data
 */
export const minRecordHeadBytes = 36;
const recordKind = 1;

/** What stands before meta and data. */
export interface RecordHead {
  readonly number: number;
  readonly wallMs: number;
  readonly bootMs: number;
  readonly owners: readonly string[];
  readonly metaBytes: number;
}

/** The bytes of the head, whose number is still 0. Throws a StorageError where the owners' names are too long. */
export function encodeRecordHead({ wallMs, bootMs, owners, metaBytes }: Omit<RecordHead, "number">): Uint8Array {
  const names = encodeNames(owners);
  const bytes = Buffer.allocUnsafe(minRecordHeadBytes + names.length);
  bytes.writeUInt32LE(recordKind, 0);
  bytes.writeUInt32LE(names.length, 4);
  bytes.writeDoubleLE(0, 8);
  bytes.writeDoubleLE(wallMs, 16);
  bytes.writeDoubleLE(bootMs, 24);
  bytes.writeUInt32LE(metaBytes, 32);
  bytes.set(names, minRecordHeadBytes);
  return bytes;
}

/** Writes the number into a head that was encoded. */
export function numberRecord(head: Uint8Array, number: number): void {
  new DataView(head.buffer, head.byteOffset).setFloat64(8, number, true);
}

/** The head at the beginning of a payload; `undefined` where that is none. */
export function readRecordHead(payload: Buffer): RecordHead | undefined {
  if (payload.length < minRecordHeadBytes || payload.readUInt32LE(0) !== recordKind) return undefined;
  const owners = readNames(payload.subarray(minRecordHeadBytes, minRecordHeadBytes + payload.readUInt32LE(4)));
  return {
    number: payload.readDoubleLE(8),
    wallMs: payload.readDoubleLE(16),
    bootMs: payload.readDoubleLE(24),
    owners,
    metaBytes: payload.readUInt32LE(32),
  };
}

/** Meta and data of a payload whose checksum is right. */
export function readRecord(payload: Buffer): SpoolRecord {
  const from = minRecordHeadBytes + payload.readUInt32LE(4);
  const to = from + payload.readUInt32LE(32);
  return { meta: payload.subarray(from, to), data: payload.subarray(to) };
}

/** Names in a row, each behind its length. */
export function encodeNames(names: readonly string[]): Uint8Array {
  const encoded = names.map((name) => Buffer.from(name, "utf8"));
  const total = encoded.reduce((sum, name) => sum + 2 + name.length, 0);
  if (total > limits.spoolOwnerBytes || encoded.some((name) => name.length > limits.spoolOwnerNameBytes))
    throw new StorageError(
      "too_large",
      `Cannot keep a record: the names of who wants it take ${total} bytes, above the limit of ${limits.spoolOwnerNameBytes} for one and ${limits.spoolOwnerBytes} for all`,
    );
  const bytes = Buffer.allocUnsafe(total);
  let at = 0;
  for (const name of encoded) {
    bytes.writeUInt16LE(name.length, at);
    bytes.set(name, at + 2);
    at += 2 + name.length;
  }
  return bytes;
}

export function readNames(bytes: Buffer): string[] {
  const names: string[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    const end = at + 2 + bytes.readUInt16LE(at);
    names.push(bytes.toString("utf8", at + 2, end));
    at = end;
  }
  return names;
}
