import type { FileHandle } from "node:fs/promises";

// IOV_MAX: what one call of the system takes.
const maxParts = 1024;

/** Writes all of `parts` from `position` on, in as few calls as the system allows. A failure may leave some of it behind. */
export async function writeAll(file: FileHandle, parts: readonly Uint8Array[], position: number): Promise<void> {
  let rest = parts.filter((part) => part.length > 0);
  let at = position;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest.slice(0, maxParts), at);
    if (bytesWritten === 0) throw new Error("The system wrote nothing");
    at += bytesWritten;
    rest = after(rest, bytesWritten);
  }
}

/** What is left when the first `count` bytes are gone. */
function after(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  let whole = 0;
  for (let part = parts[0]; part && left >= part.length; part = parts[whole]) {
    left -= part.length;
    whole++;
  }
  const [first, ...others] = parts.slice(whole);
  return first ? [first.subarray(left), ...others] : [];
}
