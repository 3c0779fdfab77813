import { isUtf8 } from "node:buffer";
import { ConfigError } from "./config-error.ts";
import type { Position } from "./positions.ts";

/**
 * The text of a file. A byte order mark stays, so that the text has the file's hash. Throws ConfigError `syntax` for what is not UTF-8,
 * which would otherwise be carried on as U+FFFD.
 */
export function decodeText(bytes: Uint8Array, path: string): string {
  try {
    return strictDecoder().decode(bytes);
  } catch (cause) {
    const message = `not UTF-8${looksLikeUtf16(bytes) ? " but UTF-16" : ""}; save the file as UTF-8`;
    throw new ConfigError("syntax", [{ file: path, ...firstInvalid(bytes), key: "", message }], { cause });
  }
}

function strictDecoder(): TextDecoder {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
}

/** What PowerShell's `>` writes begins with this mark. */
function looksLikeUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

/** Where the first character begins that is none. */
function firstInvalid(bytes: Uint8Array): Position {
  let line = 1;
  // A line feed is part of no longer character, so each line can be read alone.
  for (let start = 0; start < bytes.length; line++) {
    const end = bytes.indexOf(0x0a, start);
    const column = firstInvalidColumn(bytes.subarray(start, end < 0 ? bytes.length : end));
    if (column !== undefined) return { line, column };
    start = end < 0 ? bytes.length : end + 1;
  }
  return { line, column: 1 };
}

function firstInvalidColumn(bytes: Uint8Array): number | undefined {
  if (isUtf8(bytes)) return undefined;
  // The longest beginning that is whole characters, or will be with the bytes that follow, ends before the character at fault.
  const decoder = strictDecoder();
  let text = "";
  try {
    for (const byte of bytes) text += decoder.decode(Uint8Array.of(byte), { stream: true });
  } catch {
    // This byte cannot stand here.
  }
  return text.replace(/^\uFEFF/, "").length + 1;
}
