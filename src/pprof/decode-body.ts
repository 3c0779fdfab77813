import { Buffer } from "node:buffer";
import { constants, gunzipSync, zstdDecompressSync } from "node:zlib";
import { errorMessage, formatSize } from "../base/index.ts";
import { describeForeign } from "./describe-foreign.ts";
import { PprofError } from "./pprof-error.ts";
import { isZstd, zstdFrames } from "./zstd-frames.ts";

const minChunkBytes = 1024;
const maxChunkBytes = 1024 ** 2;

/** A response's body, inflated. */
export interface Decoded {
  /** Protobuf, as far as its beginning tells; the very input where that was not compressed. */
  readonly raw: Uint8Array;
  readonly encoding: "gzip" | "zstd" | "none";
}

/** A frame may ask for a window of 128 MiB; more than the largest profile by default is of no use. */
const zstdWindowLogMax = 25;

/**
 * Inflates a body by its content; no header is consulted. `maxBytes` bounds the profile. Throws PprofError: `empty`,
 * `truncated`, `too_large`, or `not_pprof` with what came instead.
 */
export function decodeBody(body: Uint8Array, maxBytes: number): Decoded {
  if (body.length === 0) throw new PprofError("empty", "Cannot read the profile: the response has no body");
  const decoded = inflated(body, maxBytes);
  const { raw, encoding } = decoded;
  if (raw.length > maxBytes) throw tooLarge(maxBytes);
  if (raw.length === 0) throw new PprofError("empty", `Cannot read the profile: its ${encoding} data holds nothing`);
  const foreign = describeForeign(raw);
  if (foreign !== undefined) {
    throw new PprofError(
      "not_pprof",
      `Cannot read the profile: the response is ${foreign}; does this path serve pprof?`,
    );
  }
  return decoded;
}

function inflated(body: Uint8Array, maxBytes: number): Decoded {
  if (body[0] === 0x1f && body[1] === 0x8b) {
    const options = { maxOutputLength: maxBytes, chunkSize: expectedLength(body) };
    const raw = inflate("gzip", maxBytes, () => gunzipSync(body, options));
    return { raw, encoding: "gzip" };
  }
  return isZstd(body) ? { raw: unzstd(body, maxBytes), encoding: "zstd" } : { raw: body, encoding: "none" };
}

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
    // A limit of 0 is not taken; the whole is measured once more when it is put together.
    const options = { maxOutputLength: Math.max(room, 1), params };
    const part = inflate("zstd", maxBytes, () => zstdDecompressSync(frame, options));
    parts.push(part);
    room -= part.length;
    if (room < 0) throw tooLarge(maxBytes);
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
}

/** Turns what node:zlib throws into the room's error. */
function inflate(encoding: string, maxBytes: number, decompress: () => Uint8Array): Uint8Array {
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

function tooLarge(maxBytes: number, cause?: unknown): PprofError {
  const message = `Cannot read the profile: it is larger than ${formatSize(maxBytes)}; raise body_size_limit or profile less`;
  return new PprofError("too_large", message, { cause });
}
