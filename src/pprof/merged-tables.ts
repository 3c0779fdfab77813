import { field, type Halves, type Spans } from "./layout.ts";
import { type ProfileTables, textAt } from "./profile-tables.ts";
import { linesOf, readNumbers } from "./symbols.ts";
import { Cursor, decimal } from "./wire.ts";
import { Writer } from "./writer.ts";

/** The number fields of a message, by field number. */
type Numbers = readonly Halves[];

const lineField = 4;

/** The tables of a merged profile: strings, mappings, functions and locations, each once by content. */
export class MergedTables {
  readonly #strings = new Map([["", 0]]);
  readonly #ids = new Map<string, number>();
  readonly #counts = new Map<number, number>();
  readonly #entries = new Writer();

  string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    this.#strings.set(text, this.#strings.size);
    return this.#strings.size - 1;
  }

  /** The id of the entry with this content in the table of that field. Its own `id` in `numbers` does not count. */
  entry(table: number, numbers: Numbers, lines: readonly Numbers[] = []): number {
    const key = [table, ...numbers.slice(2).map(decimal), ...lines.flatMap((line) => line.map(decimal))].join(",");
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = (this.#counts.get(table) ?? 0) + 1;
    this.#counts.set(table, id);
    this.#ids.set(key, id);
    const message = numbersMessage([none, halves(id), ...numbers.slice(2)]);
    for (const line of lines) message.bytes(lineField, numbersMessage(line).finish());
    this.#entries.bytes(table, message.finish());
    return id;
  }

  writeTo(writer: Writer): void {
    const entries = this.#entries.finish();
    writer.copy(entries, 0, entries.length);
    const encoder = new TextEncoder();
    for (const text of this.#strings.keys()) writer.bytes(field.string, encoder.encode(text));
  }
}

/** Leads from the tables of one profile to the merged ones. */
export class Translation {
  readonly #merged: MergedTables;
  readonly #profile: ProfileTables;
  readonly #cursor: Cursor;
  readonly #locations = new Map<number, number>();
  readonly #functions = new Map<number, number>();

  constructor(merged: MergedTables, profile: ProfileTables) {
    this.#merged = merged;
    this.#profile = profile;
    this.#cursor = new Cursor(profile.raw);
    // All mappings, in order: the first one is the program.
    for (let position = 0; position < profile.mappings.count; position++) this.#mapping(position);
  }

  /** The merged index of the string at this index. */
  string(index: number): number {
    return this.text(textAt(this.#profile.raw, this.#profile.strings, index));
  }

  text(text: string): number {
    return this.#merged.string(text);
  }

  /** The merged id of the location at this position. */
  location(position: number): number {
    return cached(this.#locations, position, () => {
      const { mappingIds, locations } = this.#profile;
      const lines = linesOf(this.#cursor, this.#profile, position).map((line) => {
        return [none, halves(this.#function(line.function)), line.line, line.column];
      });
      const numbers = this.#numbers("location", locations, { position, last: 5 });
      const { lo, hi } = numbers[2] as Halves;
      if (lo !== 0 || hi !== 0) numbers[2] = halves(this.#mapping(mappingIds.find(lo, hi)));
      return this.#merged.entry(field.location, numbers, lines);
    });
  }

  #mapping(position: number): number {
    const numbers = this.#numbers("mapping", this.#profile.mappings, { position, last: 10, strings: [5, 6] });
    return this.#merged.entry(field.mapping, numbers);
  }

  #function(position: number): number {
    return cached(this.#functions, position, () => {
      const numbers = this.#numbers("function", this.#profile.functions, { position, last: 5, strings: [2, 3, 4] });
      return this.#merged.entry(field.function, numbers);
    });
  }

  #numbers(
    name: string,
    spans: Spans,
    { position, last, strings = [] }: { position: number; last: number; strings?: readonly number[] },
  ): Halves[] {
    this.#cursor.enter(name, position, spans.starts[position] as number, spans.ends[position] as number);
    const numbers = readNumbers(this.#cursor, last);
    for (const number of strings) numbers[number] = halves(this.string((numbers[number] as Halves).lo));
    return numbers;
  }
}

const none: Halves = { lo: 0, hi: 0 };

export function halves(lo: number): Halves {
  return { lo, hi: 0 };
}

/** A message of number fields, by field number. */
export function numbersMessage(numbers: Numbers): Writer {
  const writer = new Writer(64);
  for (const [number, value] of numbers.entries()) writer.number(number, value.lo, value.hi);
  return writer;
}

function cached(cache: Map<number, number>, position: number, make: () => number): number {
  const known = cache.get(position);
  if (known !== undefined) return known;
  const made = make();
  cache.set(position, made);
  return made;
}
