import { isSkippable } from "./layer-encoding.ts";
import { PprofError } from "./pprof-error.ts";

const frameMagic = 0xfd2fb528;

/**
 * The frames of zstd data, in order, each of which decompresses on its own. They have to be found because node:zlib inflates
 * a cut frame as far as it goes without an error, and under Deno only the first frame. (RFC 8878, 3.1)
 */
export function zstdFrames(data: Uint8Array): Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const frames: Uint8Array[] = [];
  try {
    for (let start = 0; start < data.length; ) {
      const magic = view.getUint32(start, true);
      const skippable = isSkippable(magic);
      if (!skippable && magic !== frameMagic) {
        throw new PprofError(
          "not_pprof",
          `Cannot read the profile: its zstd data goes on with something else at byte ${start}`,
        );
      }
      const end = skippable ? start + 8 + view.getUint32(start + 4, true) : frameEnd(view, start + 4);
      if (end > data.length) throw new RangeError("the frame ends after the data");
      if (!skippable) frames.push(data.subarray(start, end));
      start = end;
    }
  } catch (thrown) {
    // What DataView throws for a read past the end.
    if (!(thrown instanceof RangeError)) throw thrown;
    throw new PprofError("truncated", `Cannot read the profile: its zstd data is cut after ${data.length} bytes`, {
      cause: thrown,
    });
  }
  return frames;
}

/** Where a frame ends whose header begins at `at`, after the magic number. */
function frameEnd(view: DataView, at: number): number {
  const descriptor = view.getUint8(at);
  const singleSegment = (descriptor >>> 5) & 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number;
  const contentSizeBytes = [singleSegment, 2, 4, 8][descriptor >>> 6] as number;
  let pos = at + 1 + (1 - singleSegment) + dictionaryBytes + contentSizeBytes;
  for (let last = 0; last === 0; ) {
    const header = view.getUint16(pos, true) | (view.getUint8(pos + 2) << 16);
    last = header & 1;
    const runLength = ((header >>> 1) & 3) === 1;
    pos += 3 + (runLength ? 1 : header >>> 3);
  }
  const hasChecksum = (descriptor >>> 2) & 1;
  return pos + hasChecksum * 4;
}
