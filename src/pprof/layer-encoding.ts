/** What a layer of a body is compressed with, by the name that it has as a Content-Encoding; LZ4 has none there. */
export type LayerEncoding = "gzip" | "zstd" | "lz4" | "br" | "deflate";

/** Sixteen magic numbers, from 0x184d2a50 on, begin a frame to be skipped, in LZ4 as in zstd. */
const skippableMagic = 0x184d2a5;
const magics: Readonly<Record<number, LayerEncoding>> = { 0xfd2fb528: "zstd", 0x184d2204: "lz4" };

/**
 * What these bytes are compressed with, if anything. Their beginning decides, whatever was declared; a declaration is needed
 * for what has no telling beginning: Brotli, and zlib data, which a profile might begin like.
 */
export function layerEncoding(bytes: Uint8Array, declared: readonly string[]): LayerEncoding | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  const framed = framedEncoding(bytes);
  if (framed) return framed;
  if (declared.includes("br")) return "br";
  return declared.includes("deflate") && isZlib(bytes) ? "deflate" : undefined;
}

/** Looks past frames to be skipped; "zstd" where nothing follows them. */
function framedEncoding(bytes: Uint8Array): LayerEncoding | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + 8 <= bytes.length && isSkippable(view.getUint32(at, true))) at += 8 + view.getUint32(at + 4, true);
  const known = at + 4 <= bytes.length ? magics[view.getUint32(at, true)] : undefined;
  return known ?? (at > 0 ? "zstd" : undefined);
}

/** Whether a frame with this magic number is to be skipped. */
export function isSkippable(magic: number): boolean {
  return magic >>> 4 === skippableMagic;
}

/** A zlib header: method 8, and a check that makes of both bytes a multiple of 31. (RFC 1950, 2.2) */
function isZlib(bytes: Uint8Array): boolean {
  const [method = 0, flags = 0] = bytes;
  return (method & 0x0f) === 8 && (method * 256 + flags) % 31 === 0;
}
