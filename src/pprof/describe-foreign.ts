import { preview } from "../base/index.ts";
import { hexPreview } from "./check-tables.ts";

/** Beginnings of other formats that profiling endpoints are known to serve. */
const otherFormats: readonly (readonly [beginning: string, name: string])[] = [
  ["go 1.", "a Go execution trace"],
  ["FLR\0", "a Java Flight Recorder file"],
  ["\x02\x21\x4c\x18", "a legacy LZ4 frame"],
  ["PK\x03\x04", "a zip archive"],
];

/** The tags of a profile's fields, one of which it begins with; the first, 0x0a, is also a line feed. */
const profileTags = new Set([
  0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32, 0x38, 0x40, 0x48, 0x50, 0x5a, 0x60, 0x68, 0x6a, 0x70, 0x78,
]);

/** How far bytes are read to tell text from protobuf, in which a control character comes sooner. */
const sniffedBytes = 512;

/**
 * What these bytes are, for an error message, where they cannot be a profile; `undefined` where they may be one. Text is quoted as
 * `masked` gives it back.
 */
export function describeForeign(
  bytes: Uint8Array,
  masked: (text: string) => string = (text) => text,
): string | undefined {
  const text = textIn(bytes.subarray(0, sniffedBytes));
  if (text !== undefined) return `${kindOf(text)} "${preview(masked(textOf(bytes)))}"`;
  const beginning = String.fromCharCode(...bytes.subarray(0, 8));
  const format = otherFormats.find(([start]) => beginning.startsWith(start));
  if (format) return format[1];
  return profileTags.has(bytes[0] as number) ? undefined : `other data (0x${hexPreview(bytes)})`;
}

/** Longer than any header: what is to be masked must not be cut before. */
const quotedBytes = 65_536;

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, quotedBytes));
}

/** The bytes as text, unless they hold a control character that text does not have, or are no UTF-8. */
function textIn(bytes: Uint8Array): string | undefined {
  for (const byte of bytes)
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d) return undefined;
  try {
    // `stream` forgives the character that the limit has cut.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return undefined;
  }
}

function kindOf(text: string): string {
  const start = text.trimStart();
  if (start.startsWith("<")) return "HTML";
  return start.startsWith("{") || start.startsWith("[") ? "JSON" : "the text";
}
