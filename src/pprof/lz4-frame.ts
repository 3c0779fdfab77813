import { isSkippable } from "./layer-encoding.ts";
import { Lz4BlockError, unpackLz4Block } from "./lz4-block.ts";
import { PprofError, tooLarge } from "./pprof-error.ts";
import { xxhash32 } from "./xxhash32.ts";

const frameMagic = 0x184d2204;
const version = 1;
/** The high bit of a block's size says that the block is not compressed. */
const storedBit = 0x8000_0000;
/** One byte of a block stands for no more bytes than this. */
const maxRatio = 255;
/** So much is set aside at first, if the data may unpack to as much. */
const firstBytes = 1024 ** 2;

interface Frame {
  readonly linked: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  readonly contentBytes: number | undefined;
  readonly maxBlockBytes: number;
}

/**
 * Unpacks LZ4 frames, one after another, with all their checksums; frames to be skipped may stand between them.
 * Throws PprofError. (LZ4 frame format 1.6; no dictionaries and no legacy frames, which nobody was seen to serve)
 */
export function unpackLz4(data: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return new FrameReader(data, maxBytes).read();
  } catch (thrown) {
    if (thrown instanceof PprofError) throw thrown;
    if (thrown instanceof Lz4BlockError) throw damaged(thrown.message, thrown);
    // What DataView throws for a read past the end.
    if (!(thrown instanceof RangeError)) throw thrown;
    throw new PprofError("truncated", `Cannot read the profile: its lz4 data is cut after ${data.length} bytes`, {
      cause: thrown,
    });
  }
}

class FrameReader {
  readonly #data: Uint8Array;
  readonly #view: DataView;
  readonly #maxBytes: number;
  #at = 0;
  #out: Uint8Array;
  #length = 0;

  constructor(data: Uint8Array, maxBytes: number) {
    this.#data = data;
    this.#view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    this.#maxBytes = maxBytes;
    this.#out = new Uint8Array(Math.min(firstBytes, maxBytes, data.length * maxRatio));
  }

  read(): Uint8Array {
    while (this.#at < this.#data.length) {
      const magic = this.#uint32();
      if (isSkippable(magic)) this.#take(this.#uint32());
      else if (magic === frameMagic) this.#frame();
      else
        throw new PprofError(
          "not_pprof",
          `Cannot read the profile: its lz4 data goes on with something else at byte ${this.#at - 4}`,
        );
    }
    return this.#out.subarray(0, this.#length);
  }

  #frame(): void {
    const frame = this.#header();
    const start = this.#length;
    for (let size = this.#uint32(); size !== 0; size = this.#uint32()) this.#block(size, frame, start);
    const content = this.#out.subarray(start, this.#length);
    if (frame.contentChecksum) this.#check(content, "the content");
    if (frame.contentBytes !== undefined && frame.contentBytes !== content.length)
      throw damaged(`a frame of ${frame.contentBytes} bytes holds ${content.length}`);
  }

  #header(): Frame {
    const start = this.#at;
    const flags = this.#uint8();
    const blockDescriptor = this.#uint8();
    const maxBlockBytes = 1 << (8 + 2 * ((blockDescriptor >>> 4) & 7));
    if (flags >>> 6 !== version) throw damaged(`a frame is of version ${flags >>> 6}, not ${version}`);
    if ((flags & 1) !== 0) throw damaged("a frame needs a dictionary");
    if ((flags & 2) !== 0 || (blockDescriptor & 0x8f) !== 0 || maxBlockBytes < 1 << 16)
      throw damaged("a frame's header has bits of no meaning");
    const contentBytes = (flags & 8) !== 0 ? this.#uint32() + this.#uint32() * 2 ** 32 : undefined;
    const sum = (xxhash32(this.#data.subarray(start, this.#at)) >>> 8) & 0xff;
    if (this.#uint8() !== sum) throw damaged("the checksum of a frame's header is wrong");
    return {
      linked: (flags & 0x20) === 0,
      blockChecksums: (flags & 0x10) !== 0,
      contentChecksum: (flags & 4) !== 0,
      contentBytes,
      maxBlockBytes,
    };
  }

  #block(size: number, { linked, blockChecksums, maxBlockBytes }: Frame, frameStart: number): void {
    const packedBytes = size & ~storedBit;
    if (packedBytes > maxBlockBytes) throw damaged(`a block of ${packedBytes} bytes is larger than its frame allows`);
    const source = this.#take(packedBytes);
    if (blockChecksums) this.#check(source, "a block");
    const stored = packedBytes !== size;
    const wanted = stored ? packedBytes : Math.min(maxBlockBytes, packedBytes * maxRatio);
    const room = Math.min(wanted, this.#maxBytes - this.#length);
    this.#reserve(room);
    if (stored) {
      if (packedBytes > room) throw tooLarge(this.#maxBytes);
      this.#out.set(source, this.#length);
      this.#length += packedBytes;
      return;
    }
    const at = this.#length;
    const floor = linked ? frameStart : at;
    try {
      const bounds = { from: 0, to: packedBytes, at, limit: at + room, floor };
      this.#length = unpackLz4Block({ source, target: this.#out, ...bounds });
    } catch (thrown) {
      if (thrown instanceof Lz4BlockError && thrown.full && room < wanted) throw tooLarge(this.#maxBytes, thrown);
      throw thrown;
    }
  }

  /** Makes room for so many bytes more; twice as much as before where that is within the limit, so as to copy seldom. */
  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#out.length) return;
    const larger = new Uint8Array(Math.min(Math.max(needed, this.#out.length * 2), this.#maxBytes));
    larger.set(this.#out.subarray(0, this.#length));
    this.#out = larger;
  }

  #check(bytes: Uint8Array, what: string): void {
    if (this.#uint32() !== xxhash32(bytes)) throw damaged(`the checksum of ${what} is wrong`);
  }

  #uint8(): number {
    return this.#view.getUint8(this.#at++);
  }

  #uint32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  #take(bytes: number): Uint8Array {
    if (bytes > this.#data.length - this.#at) throw new RangeError("the frame ends after the data");
    this.#at += bytes;
    return this.#data.subarray(this.#at - bytes, this.#at);
  }
}

function damaged(why: string, cause?: unknown): PprofError {
  return new PprofError("not_pprof", `Cannot read the profile: its lz4 data is damaged (${why})`, { cause });
}
