import { formatSize } from "../base/index.ts";
import { withSharedArrays } from "./arrays.ts";
import { field } from "./layout.ts";
import { PprofError } from "./pprof-error.ts";
import { type ProfileTables, readTables } from "./profile-tables.ts";
import { readLabel, sampleLabelField } from "./sample-label.ts";
import { unusedStrings } from "./unused-strings.ts";
import { Cursor } from "./wire.ts";
import { varintSize, Writer } from "./writer.ts";

/** The labels of one sample that hold text, by name. */
export type SampleLabels = ReadonlyMap<string, string>;

export interface RelabelledSamples {
  /** The very input where nothing changed. */
  readonly raw: Uint8Array;
  /** Samples that are left. */
  readonly samples: number;
  readonly dropped: number;
}

export interface RelabelSamplesOptions {
  /** Asked once for each label set there is; `undefined` drops the samples that have it. */
  readonly rewrite: (labels: SampleLabels) => SampleLabels | undefined;
  /** What the profile may grow to. */
  readonly maxBytes: number;
}

/**
 * The profile with other labels on its samples. Labels that hold numbers are left alone. Texts of labels that nothing refers to any more are
 * gone afterwards. Throws PprofError on what is no profile or becomes too large, and what `rewrite` throws.
 */
export function relabelSamples(raw: Uint8Array, options: RelabelSamplesOptions): RelabelledSamples {
  return withSharedArrays((arrays) => new SampleRelabelling(readTables(raw, arrays), options).result());
}

/** What becomes of the samples of one label set. */
type Outcome = "same" | "dropped" | LabelFields;

/** Other label fields than before. */
interface LabelFields {
  /** Those that are new, encoded. */
  readonly bytes: Uint8Array;
  /** The names, as string indexes, whose fields stay as they are and where they are. */
  readonly kept: ReadonlySet<number>;
  /** Every string that the fields refer to, old and new. */
  readonly strings: readonly number[];
}

/** All that a label holds belongs to it, a byte order mark included. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

class SampleRelabelling {
  readonly #tables: ProfileTables;
  readonly #options: RelabelSamplesOptions;
  readonly #cursor: Cursor;
  /** By the string indexes of a sample's labels: `4,7,5,9`. */
  readonly #outcomes = new Map<string, Outcome>();
  readonly #bySample: Outcome[] = [];
  /** Index of every text that is or becomes part of a label. */
  readonly #indexes = new Map<string, number>();
  readonly #added: string[] = [];
  /** 1 for each string of the profile that a label still refers to. */
  readonly #used: Uint8Array;
  /** Strings that labels referred to before. */
  readonly #candidates = new Set<number>();

  constructor(tables: ProfileTables, options: RelabelSamplesOptions) {
    this.#tables = tables;
    this.#options = options;
    this.#cursor = new Cursor(tables.raw);
    this.#used = tables.arrays.bytes(tables.strings.count);
  }

  result(): RelabelledSamples {
    const { samples, raw } = this.#tables;
    for (let sample = 0; sample < samples.count; sample++) this.#bySample.push(this.#outcomeOf(sample));
    const dropped = this.#bySample.filter((outcome) => outcome === "dropped").length;
    const changed = this.#bySample.some((outcome) => outcome !== "same");
    return { raw: changed ? this.#write() : raw, samples: samples.count - dropped, dropped };
  }

  #outcomeOf(sample: number): Outcome {
    const indexes = this.#readLabels(sample);
    const key = indexes.join();
    let outcome = this.#outcomes.get(key);
    if (outcome === undefined) {
      outcome = this.#decide(indexes);
      this.#outcomes.set(key, outcome);
      const strings = outcome === "same" ? indexes : outcome === "dropped" ? [] : outcome.strings;
      for (const index of strings) if (index < this.#used.length) this.#used[index] = 1;
      for (const index of indexes) this.#candidates.add(index);
    }
    return outcome;
  }

  /** The string indexes of a sample's labels with text, name and value in turn. */
  #readLabels(sample: number): number[] {
    const { samples } = this.#tables;
    const cursor = this.#cursor;
    const indexes: number[] = [];
    cursor.enter("sample", sample, samples.starts[sample] as number, samples.ends[sample] as number);
    while (cursor.next()) {
      if (cursor.field !== sampleLabelField) {
        cursor.skip();
        continue;
      }
      const label = readLabel(cursor, { sample, stringCount: this.#tables.strings.count });
      if (label.text) indexes.push(label.key, label.text);
      else for (const index of [label.key, label.unit]) this.#used[index] = 1;
    }
    return indexes;
  }

  #decide(indexes: readonly number[]): Outcome {
    const before = new Map<string, string>();
    for (let i = 0; i < indexes.length; i += 2)
      before.set(this.#text(indexes[i] as number), this.#text(indexes[i + 1] as number));
    const after = this.#options.rewrite(before);
    if (!after) return "dropped";
    if (after === before || sameEntries(before, after)) return "same";
    return this.#change(indexes, { before, after });
  }

  /** A name may be there twice, which a map of labels cannot hold: so what the rules left alone is not written anew. */
  #change(
    indexes: readonly number[],
    { before, after }: { readonly before: SampleLabels; readonly after: SampleLabels },
  ): LabelFields {
    const kept = new Set<number>();
    const strings: number[] = [];
    for (let i = 0; i < indexes.length; i += 2) {
      const [key, text] = [indexes[i] as number, indexes[i + 1] as number];
      const name = this.#text(key);
      if (after.get(name) !== before.get(name)) continue;
      kept.add(key);
      strings.push(key, text);
    }
    const added = [...after].filter(([name, value]) => before.get(name) !== value);
    const encoded = this.#encode(added);
    return { bytes: encoded.bytes, kept, strings: [...strings, ...encoded.strings] };
  }

  #text(index: number): string {
    const { raw, strings } = this.#tables;
    const text = decoder.decode(raw.subarray(strings.starts[index], strings.ends[index]));
    this.#indexes.set(text, index);
    return text;
  }

  #encode(labels: readonly (readonly [name: string, value: string])[]): Pick<LabelFields, "bytes" | "strings"> {
    const writer = new Writer(16 * labels.length);
    const strings: number[] = [];
    for (const [name, value] of labels) {
      const [key, text] = [this.#indexOf(name), this.#indexOf(value)];
      strings.push(key, text);
      writer.head(sampleLabelField, 2 + varintSize(key) + varintSize(text));
      writer.number(1, key);
      writer.number(2, text);
    }
    return { bytes: writer.finish(), strings };
  }

  #indexOf(text: string): number {
    const known = this.#indexes.get(text);
    if (known !== undefined) return known;
    const index = this.#tables.strings.count + this.#added.length;
    this.#added.push(text);
    this.#indexes.set(text, index);
    return index;
  }

  #write(): Uint8Array {
    const { raw, samples } = this.#tables;
    this.#checkSize();
    const forgotten = unusedStrings(this.#tables, { used: this.#used, candidates: this.#candidates });
    const writer = new Writer(raw.length);
    const cursor = new Cursor(raw);
    let [sample, string, copied] = [0, 0, 0];
    /** Copies all that stands before a field, in place of which something else is written. */
    const copyUntil = (start: number): void => {
      writer.copy(raw, copied, start);
      copied = cursor.pos;
    };
    for (let start = 0; cursor.next(); start = cursor.pos) {
      cursor.skip();
      if (cursor.field === field.string && forgotten.has(string++)) {
        copyUntil(start);
        writer.head(field.string, 0);
      }
      if (cursor.field !== field.sample) continue;
      const outcome = this.#bySample[sample] as Outcome;
      if (outcome !== "same") copyUntil(start);
      if (typeof outcome === "object")
        this.#writeSample(writer, { start: samples.starts[sample] as number, end: cursor.pos, outcome });
      sample++;
    }
    writer.copy(raw, copied, raw.length);
    for (const text of this.#added) writer.bytes(field.string, new TextEncoder().encode(text));
    return writer.finish();
  }

  /** A rule may add a label to every sample. */
  #checkSize(): void {
    let bytes = this.#tables.raw.length;
    for (const outcome of this.#bySample) if (typeof outcome === "object") bytes += outcome.bytes.length;
    for (const text of this.#added) bytes += text.length;
    const { maxBytes } = this.#options;
    if (bytes <= maxBytes) return;
    const message = `Cannot relabel the samples of the profile: it would become larger than ${formatSize(maxBytes)}; add fewer labels`;
    throw new PprofError("too_large", message);
  }

  #writeSample(writer: Writer, { start, end, outcome }: { start: number; end: number; outcome: LabelFields }): void {
    const { raw, strings } = this.#tables;
    const kept: [start: number, end: number][] = [];
    const cursor = new Cursor(raw);
    cursor.enter("sample", -1, start, end);
    for (let from = start; cursor.next(); from = cursor.pos) {
      if (cursor.field !== sampleLabelField) cursor.skip();
      else {
        const label = readLabel(cursor, { sample: -1, stringCount: strings.count });
        if (label.text && !outcome.kept.has(label.key)) continue;
      }
      kept.push([from, cursor.pos]);
    }
    const keptBytes = kept.reduce((sum, [from, to]) => sum + to - from, 0);
    writer.head(field.sample, keptBytes + outcome.bytes.length);
    for (const [from, to] of kept) writer.copy(raw, from, to);
    writer.copy(outcome.bytes, 0, outcome.bytes.length);
  }
}

function sameEntries(a: SampleLabels, b: SampleLabels): boolean {
  return a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);
}
