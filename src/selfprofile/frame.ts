import type { Frame } from "./encode-profile.ts";
import type { CallFrame } from "./inspector.ts";

/** A function of the inspector's as pprof names it: lines from 1 (0 where unknown), local files without their scheme. */
export function frameOf({ functionName, url, lineNumber }: CallFrame): Frame {
  return {
    name: functionName || "(anonymous)",
    file: url.startsWith("file://") ? url.slice("file://".length) : url,
    // Native functions have no file, and a line of 0 or -1 that means nothing.
    line: url === "" ? 0 : lineNumber + 1,
  };
}
