import { Buffer } from "node:buffer";
import { brotliDecompressSync, constants, gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { errorMessage } from "../base/index.ts";
import type { LayerEncoding } from "./layer-encoding.ts";
import { unpackLz4 } from "./lz4-frame.ts";
import { PprofError, tooLarge } from "./pprof-error.ts";
import { zstdFrames } from "./zstd-frames.ts";

const minChunkBytes = 1024;
const maxChunkBytes = 1024 ** 2;

/** A frame may ask for a window of 128 MiB; more than the largest profile by default is of no use. */
const zstdWindowLogMax = 25;

/**
 * Undoes one layer of compression. Throws PprofError: `too_large` above `maxBytes`, `truncated`, or `not_pprof` for damage.
 * Brotli has no checksum, and Deno takes a cut stream for a whole one; then the profile in it is found wanting.
 */
export function unpack(encoding: LayerEncoding, packed: Uint8Array, maxBytes: number): Uint8Array {
  return unpackers[encoding](packed, maxBytes);
}

const unpackers: Readonly<Record<LayerEncoding, (packed: Uint8Array, maxBytes: number) => Uint8Array>> = {
  gzip: (packed, maxBytes) => {
    const options = { maxOutputLength: maxBytes, chunkSize: expectedLength(packed) };
    return inflate("gzip", maxBytes, () => gunzipSync(packed, options));
  },
  zstd: unzstd,
  lz4: unpackLz4,
  br: (packed, maxBytes) => inflate("br", maxBytes, () => brotliDecompressSync(packed, { maxOutputLength: maxBytes })),
  deflate: (packed, maxBytes) => inflate("deflate", maxBytes, () => inflateSync(packed, { maxOutputLength: maxBytes })),
};

/**
 * The length that a gzip body says it has, within bounds: node:zlib inflates into buffers of that size, and one that fits saves
 * putting many together. A false one costs no more than such a buffer.
 */
function expectedLength(body: Uint8Array): number {
  const at = body.length - 4;
  const announced = at < 0 ? 0 : new DataView(body.buffer, body.byteOffset + at, 4).getUint32(0, true);
  return Math.min(Math.max(announced + 64, minChunkBytes), maxChunkBytes);
}

function unzstd(body: Uint8Array, maxBytes: number): Uint8Array {
  const params = { [constants.ZSTD_d_windowLogMax]: zstdWindowLogMax };
  const parts: Uint8Array[] = [];
  let room = maxBytes;
  for (const frame of zstdFrames(body)) {
    // A limit of 0 is not taken; what that lets through is noticed below.
    const options = { maxOutputLength: Math.max(room, 1), params };
    const part = inflate("zstd", maxBytes, () => zstdDecompressSync(frame, options));
    parts.push(part);
    room -= part.length;
    if (room < 0) throw tooLarge(maxBytes);
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

/** Turns what node:zlib throws into the room's error. */
function inflate(encoding: LayerEncoding, maxBytes: number, decompress: () => Uint8Array): Uint8Array {
  try {
    return decompress();
  } catch (thrown) {
    const code = (thrown as { code?: unknown }).code;
    if (code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes, thrown);
    const [reason, what] =
      code === "Z_BUF_ERROR" ? (["truncated", "cut"] as const) : (["not_pprof", "damaged"] as const);
    const message = `Cannot read the profile: its ${encoding} data is ${what} (${errorMessage(thrown)})`;
    throw new PprofError(reason, message, { cause: thrown });
  }
}
