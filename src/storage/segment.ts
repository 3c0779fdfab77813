import { type Bits, createBits } from "./bits.ts";
import type { JournalEntry } from "./journal-entry.ts";
import { createSlots, type Slots } from "./slots.ts";

/** Who wants what of one segment. */
interface Wanted {
  readonly slots: Bits;
  records: number;
  bytes: number;
}

/** One segment as memory knows it: where its records are, and who wants which. */
export class Segment {
  /** Number of the first record; a record's slot is its number less this. */
  readonly first: number;
  readonly bootId: string;
  readonly marker: Uint8Array;
  readonly slots: Slots = createSlots();
  /** Good bytes of the log file, and of the journal; 0 where there is no such file yet. */
  logBytes = 0;
  journalBytes = 0;
  /** Something in it cannot be read: it is set aside once what can be read is settled. */
  damaged = false;
  /** What has to be written to the journal. */
  notes: JournalEntry[] = [];
  readonly #wanted = new Map<string, Wanted>();
  #wants = 0;

  constructor({ first, bootId, marker }: Pick<Segment, "first" | "bootId" | "marker">) {
    this.first = first;
    this.bootId = bootId;
    this.marker = marker;
  }

  /** On disk. */
  get bytes(): number {
    return this.logBytes + this.journalBytes;
  }

  /** Whether anybody wants anything of it. */
  get isWanted(): boolean {
    return this.#wants > 0;
  }

  get memoryBytes(): number {
    let sum = this.slots.memoryBytes;
    for (const { slots } of this.#wanted.values()) sum += slots.memoryBytes;
    return sum;
  }

  /** Whether that is a record, and the owner did not want it yet. */
  want(slot: number, owner: string): boolean {
    const bytes = this.slots.bytesOf(slot);
    if (bytes === 0) return false;
    let wanted = this.#wanted.get(owner);
    if (!wanted) this.#wanted.set(owner, (wanted = { slots: createBits(), records: 0, bytes: 0 }));
    if (!wanted.slots.add(slot)) return false;
    wanted.records++;
    wanted.bytes += bytes;
    this.#wants++;
    return true;
  }

  /** Whether the owner wanted it. */
  unwant(slot: number, owner: string): boolean {
    const wanted = this.#wanted.get(owner);
    if (!wanted?.slots.delete(slot)) return false;
    wanted.records--;
    wanted.bytes -= this.slots.bytesOf(slot);
    this.#wants--;
    if (wanted.records === 0) this.#wanted.delete(owner);
    return true;
  }

  /** Forgets the records from that number on. */
  cutAt(number: number): void {
    for (let slot = Math.max(0, number - this.first); slot < this.slots.length; slot++)
      for (const owner of this.ownersOf(slot)) this.unwant(slot, owner);
    this.slots.cut(Math.max(0, number - this.first));
  }

  /** The first slot from `from` on that the owner wants. */
  next(owner: string, from: number): number | undefined {
    return this.#wanted.get(owner)?.slots.next(from);
  }

  owners(): IterableIterator<string> {
    return this.#wanted.keys();
  }

  ownersOf(slot: number): string[] {
    return [...this.#wanted].filter(([, { slots }]) => slots.has(slot)).map(([owner]) => owner);
  }

  usage(owner: string): { readonly records: number; readonly bytes: number } | undefined {
    return this.#wanted.get(owner);
  }
}
