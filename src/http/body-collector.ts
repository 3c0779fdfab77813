// A length that a peer only announces must not take much memory.
const maxReserveBytes = 1024 ** 2;

/**
 * Collects a body that arrives in chunks, with at most one copy of it: a body of one chunk is that chunk, and one of known
 * length is written in place.
 */
export class BodyCollector {
  bytes = 0;
  readonly #announcedBytes: number | undefined;
  #whole: Uint8Array | undefined;
  readonly #chunks: Uint8Array[] = [];

  /** `announcedBytes` is what the peer says will come; more must not be added. */
  constructor(announcedBytes: number | undefined) {
    this.#announcedBytes = announcedBytes;
  }

  add(chunk: Uint8Array): void {
    if (this.bytes === 0) this.#whole = this.#reserve(chunk.length);
    if (this.#whole) this.#whole.set(chunk, this.bytes);
    else this.#chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** What has come so far. */
  take(): Uint8Array {
    if (this.#whole) return this.#whole.subarray(0, this.bytes);
    const [first] = this.#chunks;
    return first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.bytes);
  }

  #reserve(firstBytes: number): Uint8Array | undefined {
    const bytes = this.#announcedBytes;
    return bytes !== undefined && bytes > firstBytes && bytes <= maxReserveBytes ? new Uint8Array(bytes) : undefined;
  }
}
