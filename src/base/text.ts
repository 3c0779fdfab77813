// Whoever is asked may be hostile: what it answers must not move a cursor, recolour or reorder a line.
const unsafe = "\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff";
const unsafeCharacter = new RegExp(`[${unsafe}]`, "g");
const unsafeOrBlank = new RegExp(`[ ${unsafe}]+`, "g");
const anyBlank = /\s/g;

/** Parts, in a message of ours, what happened from what to do about it. No `preview` holds it. */
const hintMark = "; ";

/** A message of ours in two: what happened, and behind the last semicolon what to do about it. */
export function splitHint(message: string): { readonly what: string; readonly hint: string | undefined } {
  const at = message.lastIndexOf(hintMark);
  return at < 0
    ? { what: message, hint: undefined }
    : { what: message.slice(0, at), hint: message.slice(at + hintMark.length) };
}

/**
 * The first `maxLength` characters of text that came from outside, on one line and without control characters, so that it
 * can stand in a message or a log line. Behind a semicolon it has a blank that does not break: what somebody else says must not be
 * taken for our advice.
 */
export function preview(text: string, maxLength = 64): string {
  const blanks = text.slice(0, maxLength * 4).replace(anyBlank, " ");
  return oneLine(blanks, maxLength).replace(/;(?: |$)/g, ";\u00a0");
}

/** The first `maxLength` characters of a message of ours, which may quote what is outside, on one line; its hint stays one. */
export function oneLine(message: string, maxLength: number): string {
  const line = message
    .slice(0, maxLength * 4)
    .replace(unsafeOrBlank, " ")
    .trim();
  return line.length > maxLength ? `${line.slice(0, maxLength)}…` : line;
}

/** All of a text that came from outside, on one line: what a terminal would obey is written as JSON writes it, `\u001b`. */
export function escaped(text: string): string {
  return text.replace(unsafeCharacter, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The same in quotes, so that it can be told from what stands around it. JSON escapes only quotes and what is below U+0020. */
export function quoted(text: string): string {
  return escaped(JSON.stringify(text));
}

/** Orders text by code unit, the same on every machine, unlike localeCompare. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
