/** Where the room gets its arrays from; they are all zeros. */
export interface Arrays {
  bytes(length: number): Uint8Array;
  words(length: number): Uint32Array;
}

/** Arrays of their own, for what lives on. */
export const ownArrays: Arrays = {
  bytes: (length) => new Uint8Array(length),
  words: (length) => new Uint32Array(length),
};

/** What is kept between calls: enough for a profile of some megabytes. A larger one gets arrays of its own. */
const maxKeptBytes = 2 * 1024 ** 2;

let memory = new ArrayBuffer(0);
let inUse = false;

/**
 * Calls `use` with arrays that are parts of one memory, which is kept and used again: nothing of them may outlive the call. As
 * garbage they would cost more than their making: the allocator gives their pages back and faults them in again at every scrape.
 */
export function withSharedArrays<Result>(use: (arrays: Arrays) => Result): Result {
  // A call within a call.
  if (inUse) return use(ownArrays);
  inUse = true;
  const arrays = new SharedArrays(memory);
  try {
    return use(arrays);
  } finally {
    inUse = false;
    if (arrays.wantedBytes > memory.byteLength && memory.byteLength < maxKeptBytes)
      memory = new ArrayBuffer(Math.min(2 ** Math.ceil(Math.log2(arrays.wantedBytes)), maxKeptBytes));
  }
}

class SharedArrays implements Arrays {
  /** How much memory all arrays so far would take. */
  wantedBytes = 0;
  readonly #memory: ArrayBuffer;

  constructor(shared: ArrayBuffer) {
    this.#memory = shared;
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return at < 0 ? ownArrays.bytes(length) : new Uint8Array(this.#memory, at, length).fill(0);
  }

  words(length: number): Uint32Array {
    const at = this.#take(length * 4);
    return at < 0 ? ownArrays.words(length) : new Uint32Array(this.#memory, at, length).fill(0);
  }

  /** Where so many bytes begin; -1 where they do not fit any more. */
  #take(byteLength: number): number {
    const at = this.wantedBytes;
    // The next array begins at a whole word.
    this.wantedBytes += Math.ceil(byteLength / 4) * 4;
    return this.wantedBytes > this.#memory.byteLength ? -1 : at;
  }
}
