/**
 * The first `maxLength` characters of text that came from outside, on one line and without control characters, so that it
 * can stand in a message or a log line.
 */
export function preview(text: string, maxLength = 64): string {
  const oneLine = text
    .slice(0, maxLength * 4)
    // oxlint-disable-next-line no-control-regex -- control characters are exactly what must not reach a terminal
    .replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ")
    .trim();
  return oneLine.length > maxLength ? `${oneLine.slice(0, maxLength)}…` : oneLine;
}

/** Orders text by code unit, the same on every machine, unlike localeCompare. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
