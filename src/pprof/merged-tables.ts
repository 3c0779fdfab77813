import { field } from "./layout.ts";
import { type ProfileTables, textAt } from "./profile-tables.ts";
import { functionStrings, mappingStrings, type Numbers, SymbolReader } from "./symbols.ts";
import { Writer } from "./writer.ts";

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

  /** The id of the entry with this content in the table of that field. The `id` in `numbers` does not count. */
  entry(table: number, numbers: Numbers, lines: readonly Numbers[] = []): number {
    const content = numbers.slice();
    content.fill(0, 2, 4);
    const key = `${table}:${[content, ...lines].map((words) => words.join()).join(";")}`;
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = (this.#counts.get(table) ?? 0) + 1;
    this.#counts.set(table, id);
    this.#ids.set(key, id);
    setNumber(content, 1, id);
    const message = numbersMessage(content);
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
  readonly #symbols: SymbolReader;
  readonly #locations = new Map<number, number>();

  constructor(merged: MergedTables, profile: ProfileTables) {
    this.#merged = merged;
    this.#profile = profile;
    this.#symbols = new SymbolReader(profile);
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
    const known = this.#locations.get(position);
    if (known !== undefined) return known;
    const lines: Numbers[] = [];
    this.#symbols.eachLine(position, (functionPosition, line) => {
      setNumber(line, 1, this.#function(functionPosition));
      lines.push(line.slice());
    });
    const numbers = this.#symbols.location(position);
    const mapping = this.#profile.mappingIds.find(numbers[4] as number, numbers[5] as number);
    setNumber(numbers, 2, mapping < 0 ? 0 : this.#mapping(mapping));
    const id = this.#merged.entry(field.location, numbers, lines);
    this.#locations.set(position, id);
    return id;
  }

  #mapping(position: number): number {
    const numbers = this.#symbols.mapping(position);
    for (const string of mappingStrings) setNumber(numbers, string, this.string(numbers[string * 2] as number));
    return this.#merged.entry(field.mapping, numbers);
  }

  #function(position: number): number {
    const numbers = this.#symbols.function(position);
    for (const string of functionStrings) setNumber(numbers, string, this.string(numbers[string * 2] as number));
    return this.#merged.entry(field.function, numbers);
  }
}

/** Numbers below 2^32, for the fields 1, 2, and so on. */
export function numbersOf(...values: readonly number[]): Numbers {
  return Uint32Array.from([0, 0, ...values.flatMap((value) => [value, 0])]);
}

/** A message of number fields. */
export function numbersMessage(numbers: Numbers): Writer {
  const writer = new Writer(64);
  for (let at = 2; at < numbers.length; at += 2) writer.number(at / 2, numbers[at] as number, numbers[at + 1]);
  return writer;
}

function setNumber(numbers: Numbers, number: number, value: number): void {
  numbers[number * 2] = value;
  numbers[number * 2 + 1] = 0;
}
