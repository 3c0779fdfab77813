import { PprofError } from "./pprof-error.ts";

/** Protobuf's wire types; groups (3, 4) are in no pprof message and refused. */
export const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const profileMessage = "profile";

/**
 * Reads protobuf fields out of one message at a time. A varint comes as two unsigned halves, `hi` and `lo`, so that all 64
 * bits survive without BigInt. Every step checks bounds; an error names the message, its index, and the byte.
 */
export class Cursor {
  readonly bytes: Uint8Array;
  pos: number;
  end: number;
  /** The halves of the varint read last. */
  lo = 0;
  hi = 0;
  /** Number and wire type of the field that `next` found. */
  field = 0;
  wireType = 0;
  #message = profileMessage;
  #index = -1;
  #started = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.pos = 0;
    this.end = bytes.length;
  }

  /** Goes to the message between two offsets; its name and index are for errors, an index of -1 is not shown. */
  enter(message: string, index: number, start: number, end: number): void {
    this.#message = message;
    this.#index = index;
    this.#started = start;
    this.pos = start;
    this.end = end;
  }

  /** Goes to a field of the outermost level. */
  enterProfile(start = 0): void {
    this.enter(profileMessage, -1, start, this.bytes.length);
  }

  /** Reads the next field's tag; false at the end of the message. */
  next(): boolean {
    if (this.pos >= this.end) return false;
    this.#started = this.pos;
    this.varint();
    if (this.hi !== 0 || this.lo >>> 3 === 0) this.fail(`an impossible field tag ${decimal(this)}`);
    this.field = this.lo >>> 3;
    this.wireType = this.lo & 7;
    return true;
  }

  varint(): void {
    const { bytes, end } = this;
    let { pos } = this;
    let byte = pos < end ? (bytes[pos++] as number) : this.#cut("a number");
    let lo = byte & 0x7f;
    let hi = 0;
    for (let shift = 7; byte >= 0x80; shift += 7) {
      if (shift === 70) this.fail("a number of more than 10 bytes");
      byte = pos < end ? (bytes[pos++] as number) : this.#cut("a number");
      if (shift < 28) lo |= (byte & 0x7f) << shift;
      else if (shift === 28) {
        lo |= (byte & 0x0f) << 28;
        hi = (byte & 0x70) >>> 4;
      } else hi |= (byte & 0x7f) << (shift - 32);
    }
    this.lo = lo >>> 0;
    this.hi = hi >>> 0;
    this.pos = pos;
  }

  /** Reads the length of a string, message or packed list and returns where it ends; `pos` is where it starts. */
  lengthEnd(): number {
    this.varint();
    const end = this.pos + this.lo;
    if (this.hi !== 0) this.fail(`a field of ${decimal(this)} bytes`);
    if (end > this.end) this.#cut(`a field of ${this.lo} bytes`);
    return end;
  }

  /** Refuses the field that `next` found unless it has this wire type. */
  expect(wireType: number, name: string): void {
    if (this.wireType !== wireType) this.fail(`${name} with wire type ${this.wireType} instead of ${wireType}`);
  }

  /** Refuses a packed list whose last number went past the list's end. */
  closeList(end: number, name: string): void {
    if (this.pos !== end) this.fail(`a packed ${name} that ends inside a number`);
  }

  /** Reads the number field that `next` found. */
  number(name: string): void {
    this.expect(wire.varint, name);
    this.varint();
  }

  /** Reads the number field that `next` found, as an index into the string table. */
  stringIndex(count: number, name: string): number {
    this.expect(wire.varint, name);
    return this.stringIndexIn(count, name);
  }

  /** The same inside a packed list. */
  stringIndexIn(count: number, name: string): number {
    this.varint();
    if (this.hi !== 0 || this.lo >= count) {
      this.fail(`${name} ${BigInt.asIntN(64, BigInt(decimal(this)))}, but the string table has ${count} entries`);
    }
    return this.lo;
  }

  /** Passes over the field that `next` found. */
  skip(): void {
    switch (this.wireType) {
      case wire.varint:
        this.varint();
        return;
      case wire.bytes:
        this.pos = this.lengthEnd();
        return;
      case wire.fixed64:
      case wire.fixed32: {
        const size = this.wireType === wire.fixed64 ? 8 : 4;
        if (this.pos + size > this.end) this.#cut(`a field of ${size} bytes`);
        this.pos += size;
        return;
      }
      default:
        this.fail(`field ${this.field} with wire type ${this.wireType}, which pprof does not use`);
    }
  }

  /** Refuses the profile: the message being read has `what`, which it must not. */
  fail(what: string): never {
    throw malformed(`${this.#where()} has ${what}`, this.#started);
  }

  #cut(what: string): never {
    if (this.#message !== profileMessage) this.fail(`${what} that runs past its end at byte ${this.end}`);
    throw new PprofError(
      "truncated",
      `Cannot read the profile: it ends at byte ${this.end} inside ${what} (byte ${this.#started}); was the response cut?`,
    );
  }

  #where(): string {
    return this.#index < 0 ? this.#message : `${this.#message}[${this.#index}]`;
  }
}

/** A 64-bit number for a message. */
export function decimal({ lo, hi }: { readonly lo: number; readonly hi: number }): string {
  return String((BigInt(hi) << 32n) | BigInt(lo));
}

/** The error for bytes that are protobuf but no profile that a server would take. */
export function malformed(what: string, offset: number): PprofError {
  return new PprofError("not_pprof", `Cannot read the profile: ${what} (byte ${offset})`);
}
