import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Profile, ProfileSchema } from "../../src/gen/google/v1/profile_pb.ts";

/** One stack frame: a function name (a location without an address), an address, or both. */
export type Frame = string | number | bigint | { readonly name: string; readonly address: number | bigint };

export interface BuiltSample {
  /** The leaf first. */
  readonly stack: readonly Frame[];
  /** One per sample type. */
  readonly values: readonly (number | bigint)[];
  readonly labels?: Readonly<Record<string, string | number | bigint>>;
}

export interface BuildOptions {
  /** As `type/unit`; `alloc_objects/count` and `alloc_space/bytes` unless given. */
  readonly sampleTypes?: readonly string[];
  readonly samples?: readonly BuiltSample[];
  /** Of the only mapping. */
  readonly buildId?: string;
  readonly timeNanos?: number | bigint;
  readonly durationNanos?: number | bigint;
  /** Strings put before all others, so that indexes differ between profiles of equal content. */
  readonly paddingStrings?: readonly string[];
}

/** A small pprof profile, encoded by protobuf-es, not gzipped. */
export function buildProfile(options: BuildOptions = {}): Uint8Array {
  return toBinary(ProfileSchema, buildMessage(options));
}

/** The same as a message, for tests that spoil it before they encode it. */
export function buildMessage(options: BuildOptions = {}): Profile {
  const tables = new Tables(options.paddingStrings ?? []);
  const sampleTypes = options.sampleTypes ?? ["alloc_objects/count", "alloc_space/bytes"];
  const sampleType = sampleTypes.map((name) => {
    const [type = "", unit = ""] = name.split("/");
    return { type: tables.string(type), unit: tables.string(unit) };
  });
  const mapping = [{ id: 1n, filename: tables.string("/bin/example"), buildId: tables.string(options.buildId ?? "") }];
  const sample = (options.samples ?? []).map(({ stack, values, labels = {} }) => ({
    locationId: stack.map((frame) => tables.location(frame)),
    value: values.map(BigInt),
    label: Object.entries(labels).map(([key, value]) => {
      const content = typeof value === "string" ? { str: tables.string(value) } : { num: BigInt(value) };
      return { key: tables.string(key), ...content };
    }),
  }));
  return create(ProfileSchema, {
    sampleType,
    sample,
    mapping,
    location: tables.locations,
    function: tables.functions,
    stringTable: tables.strings,
    timeNanos: BigInt(options.timeNanos ?? 0),
    durationNanos: BigInt(options.durationNanos ?? 0),
  });
}

/** Entries are added at first use; ids are positions plus one. */
class Tables {
  readonly strings: string[];
  readonly locations: MessageInitShape<typeof ProfileSchema>["location"] & object[] = [];
  readonly functions: MessageInitShape<typeof ProfileSchema>["function"] & object[] = [];
  readonly #ids = new Map<string, bigint>();
  readonly #strings = new Map<string, bigint>();

  constructor(paddingStrings: readonly string[]) {
    this.strings = ["", ...paddingStrings];
    for (const [index, text] of this.strings.entries()) this.#strings.set(text, BigInt(index));
  }

  string(text: string): bigint {
    const index = this.#strings.get(text) ?? BigInt(this.strings.push(text) - 1);
    this.#strings.set(text, index);
    return index;
  }

  location(frame: Frame): bigint {
    const { name, address } = normalFrame(frame);
    return this.#once(`${name}@${address}`, () => {
      const line = [{ functionId: this.#function(name), line: 7n }];
      return this.locations.push({ id: BigInt(this.locations.length + 1), mappingId: 1n, address, line });
    });
  }

  #function(name: string): bigint {
    return this.#once(name, () => {
      const names = { name: this.string(name), systemName: this.string(name), filename: this.string("example.go") };
      return this.functions.push({ id: BigInt(this.functions.length + 1), ...names });
    });
  }

  #once(key: string, add: () => number): bigint {
    const id = this.#ids.get(key) ?? BigInt(add());
    this.#ids.set(key, id);
    return id;
  }
}

function normalFrame(frame: Frame): { name: string; address: bigint } {
  if (typeof frame === "string") return { name: frame, address: 0n };
  if (typeof frame === "object") return { name: frame.name, address: BigInt(frame.address) };
  return { name: `at_${frame.toString(16)}`, address: BigInt(frame) };
}

/** Reads a profile with protobuf-es. */
export function readProfile(raw: Uint8Array): Profile {
  return fromBinary(ProfileSchema, raw);
}

/**
 * A profile's values by stack, read with protobuf-es and summed over equal stacks: `{ "leaf;root{bytes=8}": [1n, 2n] }`. A frame
 * is its function names, or its address in hexadecimal where it has none.
 */
export function stacksOf(raw: Uint8Array): Record<string, bigint[]> {
  const profile = readProfile(raw);
  const text = (index: bigint): string => profile.stringTable[Number(index)] ?? "?";
  const names = new Map(profile.function.map(({ id, name }) => [id, text(name)]));
  const frames = new Map(
    profile.location.map(({ id, address, line }) => {
      const functions = line.map(({ functionId }) => names.get(functionId));
      return [id, functions.length > 0 ? functions.join("<") : address.toString(16)];
    }),
  );
  const stacks: Record<string, bigint[]> = {};
  for (const { locationId, label, value } of profile.sample) {
    const labels = label.map(({ key, str, num }) => `${text(key)}=${str === 0n ? num : text(str)}`).sort();
    const stack = `${locationId.map((id) => frames.get(id)).join(";")}${labels.length > 0 ? `{${labels.join()}}` : ""}`;
    stacks[stack] = value.map((own, column) => own + (stacks[stack]?.[column] ?? 0n));
  }
  return stacks;
}

/** The sum of each column, by `type/unit`, read with protobuf-es. */
export function totalsOf(raw: Uint8Array): Record<string, bigint> {
  const profile = readProfile(raw);
  const text = (index: bigint): string => profile.stringTable[Number(index)] ?? "?";
  return Object.fromEntries(
    profile.sampleType.map(({ type, unit }, column) => {
      const total = profile.sample.reduce((sum, { value }) => sum + (value[column] ?? 0n), 0n);
      return [`${text(type)}/${text(unit)}`, total];
    }),
  );
}
