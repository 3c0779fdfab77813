import { preview } from "../base/index.ts";
import { describeForeign } from "./describe-foreign.ts";
import { type LayerEncoding, layerEncoding } from "./layer-encoding.ts";
import { PprofError, tooLarge } from "./pprof-error.ts";
import { unpack } from "./unpack.ts";

/** Layers of compression: a profile is gzip, a server may compress it again, and a proxy once more. */
const maxLayers = 3;

export interface DecodeOptions {
  /** The Content-Encoding that came with the body. The bytes overrule it; it tells only what they cannot. */
  readonly contentEncoding?: string | undefined;
  /** Takes out of a text what must not be shown of it, before the error for what is no profile quotes it. */
  readonly masked?: ((text: string) => string) | undefined;
}

/** A response's body, unpacked. */
export interface Decoded {
  /** Protobuf, as far as its beginning tells; the very input where that was not compressed. */
  readonly raw: Uint8Array;
  /** The innermost layer: what `raw` was unpacked from, or `raw` itself. */
  readonly body: Uint8Array;
  /** What the innermost layer is compressed with. */
  readonly encoding: LayerEncoding | "none";
}

/**
 * Undoes every compression of a body, also of one in another. `maxBytes` bounds what each layer unpacks to, the profile included.
 * Throws PprofError: `empty`, `truncated`, `too_large`, or `not_pprof` with what came instead.
 */
export function decodeBody(body: Uint8Array, maxBytes: number, options: DecodeOptions = {}): Decoded {
  const { contentEncoding, masked } = options;
  if (body.length === 0) throw new PprofError("empty", "Cannot read the profile: the response has no body");
  const decoded = unpackLayers(body, maxBytes, contentEncoding);
  if (decoded.raw.length > maxBytes) throw tooLarge(maxBytes);
  const foreign = describeForeign(decoded.raw, masked);
  if (foreign !== undefined) {
    const declared = contentEncoding ? ` under the Content-Encoding "${preview(contentEncoding)}"` : "";
    throw new PprofError(
      "not_pprof",
      `Cannot read the profile: the response is ${foreign}${declared}; does this path serve pprof?`,
    );
  }
  return decoded;
}

function unpackLayers(body: Uint8Array, maxBytes: number, contentEncoding: string | undefined): Decoded {
  let declared = codingsOf(contentEncoding);
  let layer: Decoded = { raw: body, body, encoding: "none" };
  for (let layers = 0; ; layers++) {
    const encoding = layerEncoding(layer.raw, declared);
    if (!encoding) return layer;
    if (layers === maxLayers)
      throw new PprofError("not_pprof", `Cannot read the profile: it is compressed more than ${maxLayers} times over`);
    // What was declared down to this layer is dealt with; a coding that the bytes belie counts as this layer's.
    declared = declared.slice(Math.max(declared.indexOf(encoding), 0) + 1);
    const packed = layers === 0 ? layer.raw : withoutSlack(layer.raw);
    layer = { raw: unpack(encoding, packed, maxBytes), body: packed, encoding };
    if (layer.raw.length === 0)
      throw new PprofError("empty", `Cannot read the profile: its ${encoding} data holds nothing`);
  }
}

/** The codings of a Content-Encoding, the outermost first, which is the one that was applied last. (RFC 9110, 8.4) */
function codingsOf(contentEncoding = ""): string[] {
  if (contentEncoding === "") return [];
  return contentEncoding
    .toLowerCase()
    .split(",")
    .map((coding) => coding.trim())
    .toReversed();
}

/** A layer that is handed on shall not hold the larger buffer it was unpacked into. */
function withoutSlack(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
