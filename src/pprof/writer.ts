import { type Arrays, ownArrays } from "./arrays.ts";
import { wire } from "./wire.ts";

/** Writes protobuf into one growing buffer. */
export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  /** `arrays` gives the buffer as long as `expectedBytes` are enough. */
  constructor(expectedBytes = 1024, arrays: Arrays = ownArrays) {
    this.#bytes = arrays.bytes(expectedBytes);
  }

  varint(lo: number, hi = 0): void {
    this.#reserve(10);
    if (hi === 0 && lo < 0x80) {
      this.#bytes[this.#length++] = lo;
      return;
    }
    const bytes = this.#bytes;
    let length = this.#length;
    while (hi !== 0 || lo > 0x7f) {
      bytes[length++] = (lo & 0x7f) | 0x80;
      lo = ((lo >>> 7) | (hi << 25)) >>> 0;
      hi >>>= 7;
    }
    bytes[length++] = lo;
    this.#length = length;
  }

  /** A number field; as proto3 does, zero is left out. */
  number(field: number, lo: number, hi = 0): void {
    if (lo === 0 && hi === 0) return;
    this.varint(field << 3);
    this.varint(lo, hi);
  }

  /** A string, message or packed list whose content is a part of `source`. */
  bytes(field: number, source: Uint8Array, part = { start: 0, end: source.length }): void {
    this.head(field, part.end - part.start);
    this.copy(source, part.start, part.end);
  }

  /** The tag and length of a field whose content follows. */
  head(field: number, byteLength: number): void {
    this.varint((field << 3) | wire.bytes);
    this.varint(byteLength);
  }

  copy(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.#reserve(size);
    // A typed array's set costs a view and a call; most of what is copied is shorter than that.
    if (size < 64) for (let i = 0; i < size; i++) this.#bytes[this.#length + i] = source[start + i] as number;
    else this.#bytes.set(source.subarray(start, end), this.#length);
    this.#length += size;
  }

  /** What was written, as a view. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + size));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** How many bytes `varint` takes for this number. */
export function varintSize(lo: number, hi = 0): number {
  const bits = hi === 0 ? 32 - Math.clz32(lo) : 64 - Math.clz32(hi);
  return Math.max(1, Math.ceil(bits / 7));
}
