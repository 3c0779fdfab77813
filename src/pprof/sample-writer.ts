import { Cursor } from "./wire.ts";
import { varintSize, type Writer } from "./writer.ts";

const sampleField = 2;
const valueField = 2;

/** Writes a sample of a profile again, byte for byte but for its values. The sample must have been checked. */
export class SampleWriter {
  readonly #cursor: Cursor;
  readonly #writer: Writer;
  /** Pairs of offsets: the parts of the sample that are kept. */
  readonly #kept: number[] = [];

  constructor(raw: Uint8Array, writer: Writer) {
    this.#cursor = new Cursor(raw);
    this.#writer = writer;
  }

  /** `values` holds the new values' halves in pairs, `count` of them, from `at` on. */
  write(sample: { start: number; end: number }, values: { words: Uint32Array; at: number; count: number }): void {
    const keptBytes = this.#findKept(sample.start, sample.end);
    const { words, at, count } = values;
    const writer = this.#writer;
    let valueBytes = 0;
    for (let i = at; i < at + count * 2; i += 2) valueBytes += varintSize(words[i] as number, words[i + 1]);
    writer.head(sampleField, keptBytes + 1 + varintSize(valueBytes) + valueBytes);
    for (let i = 0; i < this.#kept.length; i += 2) {
      writer.copy(this.#cursor.bytes, this.#kept[i] as number, this.#kept[i + 1] as number);
    }
    writer.head(valueField, valueBytes);
    for (let i = at; i < at + count * 2; i += 2) writer.varint(words[i] as number, words[i + 1]);
  }

  #findKept(start: number, end: number): number {
    const cursor = this.#cursor;
    const kept = this.#kept;
    kept.length = 0;
    let bytes = 0;
    cursor.enter("sample", -1, start, end);
    for (let from = start; cursor.next(); from = cursor.pos) {
      cursor.skip();
      if (cursor.field === valueField) continue;
      kept.push(from, cursor.pos);
      bytes += cursor.pos - from;
    }
    return bytes;
  }
}
