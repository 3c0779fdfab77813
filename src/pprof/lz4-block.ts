/** Copies of fewer bytes are faster one by one than through a call. */
const worthCall = 24;

export interface Lz4Block {
  readonly source: Uint8Array;
  /** Where the block begins and ends in `source`. */
  readonly from: number;
  readonly to: number;
  readonly target: Uint8Array;
  /** Where its content goes in `target`, and how far it may go. */
  readonly at: number;
  readonly limit: number;
  /** The earliest byte of `target` that it may repeat. */
  readonly floor: number;
}

/** Thrown for a block that leaves its bounds; the message is the end of a sentence. */
export class Lz4BlockError extends Error {
  /** Whether the block may be sound, but does not fit before `limit`. */
  readonly full: boolean;

  constructor(message: string, { full = false } = {}) {
    super(message);
    this.full = full;
  }
}

/**
 * Unpacks one LZ4 block and returns where its content ends in `target`: sequences of literals and of a match, which repeats
 * what was written before, the last one without a match. (LZ4 block format) Reads and writes within the given bounds only.
 */
export function unpackLz4Block({ source, from, to, target, at, limit, floor }: Lz4Block): number {
  let read = from;
  let write = at;

  /** A length of 15 goes on in the bytes that follow, as long as those are 255. */
  const wholeLength = (nibble: number): number => {
    let length = nibble;
    for (let byte = nibble === 15 ? 255 : 0; byte === 255; length += byte) {
      if (read >= to) throw new Lz4BlockError("a length goes beyond its block");
      byte = source[read++] as number;
    }
    return length;
  };
  const checkRoom = (length: number): void => {
    if (length > limit - write) throw new Lz4BlockError("a block holds more than its frame allows", { full: true });
  };

  while (read < to) {
    const token = source[read++] as number;
    const literals = wholeLength(token >>> 4);
    if (literals > to - read) throw new Lz4BlockError("literals go beyond their block");
    checkRoom(literals);
    if (literals < worthCall) for (let i = 0; i < literals; i++) target[write + i] = source[read + i] as number;
    else target.set(source.subarray(read, read + literals), write);
    read += literals;
    write += literals;
    if (read === to) return write;

    if (read + 2 > to) throw new Lz4BlockError("an offset goes beyond its block");
    const offset = (source[read] as number) | ((source[read + 1] as number) << 8);
    read += 2;
    const length = wholeLength(token & 15) + 4;
    if (offset === 0 || offset > write - floor)
      throw new Lz4BlockError(`a match reaches back ${offset} of ${write - floor} bytes`);
    checkRoom(length);
    repeat(target, { write, offset, length });
    write += length;
  }
  throw new Lz4BlockError("a block ends with a match");
}

/** A match may overlap what it writes, and then repeats itself. */
function repeat(
  target: Uint8Array,
  { write, offset, length }: { write: number; offset: number; length: number },
): void {
  const start = write - offset;
  if (length >= worthCall && offset >= length) target.copyWithin(write, start, start + length);
  else if (length >= worthCall && offset === 1) target.fill(target[start] as number, write, write + length);
  else for (let i = 0; i < length; i++) target[write + i] = target[start + i] as number;
}
