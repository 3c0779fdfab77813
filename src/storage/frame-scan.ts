import { Buffer } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { limits } from "../base/index.ts";
import { crc32 } from "node:zlib";
import { checksum, frameHeadBytes, markerBytes, readFrameHead } from "./frame.ts";
import { isDiskFailure } from "./storage-error.ts";

/** A frame whose checksum is right. */
export interface Frame {
  readonly offset: number;
  /** Of the whole frame. */
  readonly bytes: number;
  /** The payload from its beginning, `spoolReadBytes` of it at most; valid until the callback returns. */
  readonly payload: Buffer;
}

export interface ScanOptions {
  readonly marker: Uint8Array;
  /** Where the first frame stands. */
  readonly from: number;
  readonly size: number;
  /** Whether it makes sense; `false` counts as damage. */
  readonly onFrame: (frame: Frame) => boolean;
}

export interface ScanResult {
  /** Stretches without a good frame, of which a good one stands behind. */
  readonly damages: number;
  /** The end of the last good frame: what comes after it is torn. */
  readonly end: number;
  /** Whether the disk could not give some of it. */
  readonly hasFailed: boolean;
}

// What a disk gives or does not give as a whole.
const pageBytes = 4096;

/** Reads a file's frames in order. After damage it goes on at the next marker. Never holds more than `spoolReadBytes`, and lets others run between two reads. */
export async function scanFrames(file: FileHandle, options: ScanOptions): Promise<ScanResult> {
  const { marker, from, size, onFrame } = options;
  const view = new FileView(file, size);
  let [offset, end, damages] = [from, from, 0];
  while (offset + frameHeadBytes <= size) {
    const frame = await readFrame(view, marker, offset);
    if (frame && onFrame(frame)) {
      if (offset > end) damages++;
      offset += frame.bytes;
      end = offset;
    } else {
      const next = await findMarker(view, marker, offset + 1);
      if (next === undefined) break;
      offset = next;
    }
  }
  return { damages, end, hasFailed: view.hasFailed };
}

async function readFrame(view: FileView, marker: Uint8Array, offset: number): Promise<Frame | undefined> {
  const start = view.held(offset, frameHeadBytes) ?? (await view.load(offset));
  const head = readFrameHead(start, marker, 0);
  if (!head) return undefined;
  const bytes = frameHeadBytes + head.payloadBytes;
  if (offset + bytes > view.size) return undefined;
  const whole = view.held(offset, bytes) ?? (await view.load(offset));
  const payload = whole.subarray(frameHeadBytes, bytes);
  if (whole.length >= bytes)
    return checksum(whole, [payload]) === head.checksum ? { offset, bytes, payload } : undefined;
  return (await longChecksum(view, offset, bytes)) === head.checksum ? readLong(view, { offset, bytes }) : undefined;
}

async function longChecksum(view: FileView, offset: number, bytes: number): Promise<number> {
  const start = await view.load(offset);
  let sum = checksum(start, [start.subarray(frameHeadBytes)]);
  for (let at = offset + start.length; at < offset + bytes; ) {
    const part = await view.load(at);
    if (part.length === 0) break;
    sum = crc32(part.subarray(0, offset + bytes - at), sum);
    at += part.length;
  }
  return sum;
}

async function readLong(view: FileView, { offset, bytes }: { offset: number; bytes: number }): Promise<Frame> {
  const start = await view.load(offset);
  return { offset, bytes, payload: start.subarray(frameHeadBytes) };
}

async function findMarker(view: FileView, marker: Uint8Array, from: number): Promise<number | undefined> {
  for (let at = from; at + frameHeadBytes <= view.size; ) {
    const part = view.held(at, frameHeadBytes) ?? (await view.load(at));
    const found = part.indexOf(marker);
    if (found >= 0) return at + found;
    if (part.length < frameHeadBytes) return undefined;
    at += part.length - markerBytes + 1;
  }
  return undefined;
}

/** Some bytes of a file, held in one buffer. */
class FileView {
  readonly size: number;
  hasFailed = false;
  readonly #file: FileHandle;
  readonly #buffer = Buffer.allocUnsafe(limits.spoolReadBytes);
  #start = 0;
  #length = 0;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  /** The bytes from `offset` on, where `count` of them are held. */
  held(offset: number, count: number): Buffer | undefined {
    const at = offset - this.#start;
    return at >= 0 && at + count <= this.#length ? this.#buffer.subarray(at, this.#length) : undefined;
  }

  /** The bytes from `offset` on, read anew: as many as the buffer takes, fewer only at the end of the file. */
  async load(offset: number): Promise<Buffer> {
    this.#start = offset;
    this.#length = 0;
    const wanted = Math.min(this.#buffer.length, this.size - offset);
    while (this.#length < wanted) {
      const bytesRead = await this.#read(wanted - this.#length, offset + this.#length);
      if (bytesRead === 0) break;
      this.#length += bytesRead;
    }
    return this.#buffer.subarray(0, this.#length);
  }

  /** Where the disk fails, it is asked for one page; a page that it cannot give is zeros, in which no frame begins. */
  async #read(count: number, position: number): Promise<number> {
    const page = Math.min(count, pageBytes - (position % pageBytes));
    try {
      const { bytesRead } = await this.#file.read(this.#buffer, this.#length, count, position);
      return bytesRead;
    } catch (thrown) {
      if (!isDiskFailure(thrown)) throw thrown;
      if (count > page) return this.#read(page, position);
      this.#buffer.fill(0, this.#length, this.#length + page);
      this.hasFailed = true;
      return page;
    }
  }
}
