import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";

/**
 * A frame is what both files of a segment are made of:
 *
 *     0  8  sync marker of the segment
 *     8  4  length of the payload
 *    12  4  CRC-32 of the length and the payload
 *    16  …  payload
 */
export const frameHeadBytes = 16;
export const markerBytes = 8;

/** The head of a frame, to be written before the parts of its payload. */
export function frameHead(marker: Uint8Array, payload: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.allocUnsafe(frameHeadBytes);
  head.set(marker);
  head.writeUInt32LE(
    payload.reduce((sum, part) => sum + part.length, 0),
    8,
  );
  head.writeUInt32LE(checksum(head, payload), 12);
  return head;
}

/** What a frame's head says, which may be anything. */
export interface FrameHead {
  readonly payloadBytes: number;
  readonly checksum: number;
}

/** The head at `offset`; `undefined` where there is no marker or no room for a head. */
export function readFrameHead(bytes: Buffer, marker: Uint8Array, offset: number): FrameHead | undefined {
  if (offset + frameHeadBytes > bytes.length) return undefined;
  for (let index = 0; index < markerBytes; index++) if (bytes[offset + index] !== marker[index]) return undefined;
  return { payloadBytes: bytes.readUInt32LE(offset + 8), checksum: bytes.readUInt32LE(offset + 12) };
}

/** The CRC-32 that a frame with this head and payload should have. */
export function checksum(head: Uint8Array, payload: readonly Uint8Array[]): number {
  let sum = crc32(head.subarray(8, 12));
  for (const part of payload) sum = crc32(part, sum);
  return sum;
}
