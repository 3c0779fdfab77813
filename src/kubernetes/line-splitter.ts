import { formatSize } from "../base/index.ts";
import { KubernetesError } from "./kubernetes-error.ts";

export interface LineSplitterOptions {
  /** Of one line. */
  readonly maxBytes: number;
  /** Gets each line that is not empty, without its line feed. */
  readonly onLine: (line: string) => void;
}

const lineFeed = 0x0a;

/** Takes bytes as they come and hands on whole lines of UTF-8. Throws the KubernetesError `too_large` for a line that is too long. */
export function lineSplitter({ maxBytes, onLine }: LineSplitterOptions): (chunk: Uint8Array) => void {
  /** Of the line that has not ended yet. */
  let parts: Uint8Array[] = [];
  let bytes = 0;

  const add = (part: Uint8Array): void => {
    bytes += part.length;
    if (bytes > maxBytes)
      throw new KubernetesError(
        "too_large",
        `Cannot read the API server: an event is larger than ${formatSize(maxBytes)}`,
      );
    parts.push(part);
  };

  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      add(chunk.subarray(start, end));
      start = end + 1;
      const line = Buffer.concat(parts, bytes).toString();
      parts = [];
      bytes = 0;
      if (line !== "") onLine(line);
    }
    if (start < chunk.length) add(chunk.subarray(start));
  };
}
