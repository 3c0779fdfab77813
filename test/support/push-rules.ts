/**
 * What a Pyroscope 2 server with default limits refuses, and with which Connect code (reference 5.2 to 5.4), over messages
 * decoded by protobuf-es. Used by push-server.ts. Stricter than the server in one point: labels that the agent promises never
 * to send (`__type__`, names outside `[a-zA-Z_][a-zA-Z0-9_.]*`, unsorted sets) are refused too.
 */
import { gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { type Profile, ProfileSchema } from "../../src/gen/google/v1/profile_pb.ts";
import type { RawProfileSeries, RawSample } from "../../src/gen/push/v1/push_pb.ts";

/** HTTP status of each code when the server speaks Connect (reference 3.2). */
export const connectStatus = {
  canceled: 499,
  unknown: 500,
  invalid_argument: 400,
  deadline_exceeded: 504,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  resource_exhausted: 429,
  failed_precondition: 400,
  aborted: 409,
  out_of_range: 400,
  unimplemented: 501,
  internal: 500,
  unavailable: 503,
  data_loss: 500,
  unauthenticated: 401,
} as const;

export type ConnectCode = keyof typeof connectStatus;

/** The server's answer to what it will not store. */
export class Refusal extends Error {
  readonly code: ConnectCode;

  constructor(code: ConnectCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface ServerRules {
  /** Of one uncompressed profile. */
  readonly profileBytes: number;
  readonly samples: number;
  readonly sampleLabels: number;
  readonly labelNames: number;
  readonly labelNameLength: number;
  readonly labelValueLength: number;
  /** The time window, for profiles that have a time; `Infinity` takes recordings of any age. */
  readonly maxAgeMs: number;
  readonly maxFutureMs: number;
  readonly now: () => number;
}

export const defaultRules: ServerRules = {
  profileBytes: 4 * 1024 ** 2,
  samples: 16_000,
  sampleLabels: 100,
  labelNames: 30,
  labelNameLength: 1024,
  labelValueLength: 2048,
  maxAgeMs: 3_600_000,
  maxFutureMs: 600_000,
  now: () => Date.now(),
};

/** The profile of one sample, decoded and checked. Throws Refusal. */
export function checkSample(series: RawProfileSeries, sample: RawSample, rules: ServerRules): Profile {
  const profile = decodeProfile(sample.rawProfile, rules);
  checkProfile(profile, rules);
  checkLabels(series, profile, rules);
  return profile;
}

/** Sum of each column, by `type/unit`: `alloc_space/bytes`. */
export function valueTotals(profile: Profile): Record<string, bigint> {
  const text = (index: bigint): string => profile.stringTable[Number(index)] ?? "";
  return Object.fromEntries(
    profile.sampleType.map((type, column) => [
      `${text(type.type)}/${text(type.unit)}`,
      profile.sample.reduce((sum, { value }) => sum + (value[column] ?? 0n), 0n),
    ]),
  );
}

function decodeProfile(data: Uint8Array, rules: ServerRules): Profile {
  const raw = data[0] === 0x1f && data[1] === 0x8b ? inflate(data, rules.profileBytes) : data;
  if (raw.byteLength > rules.profileBytes) throw tooLarge(rules.profileBytes);
  try {
    walk(raw);
    return fromBinary(ProfileSchema, raw);
  } catch (error) {
    // TextDecoder throws a TypeError, the reader itself others. The server decodes first and checks UTF-8 with the rest.
    if (error instanceof TypeError) throw invalid("invalid UTF-8 in the string table");
    throw new Refusal("unknown", `failed to decode profile: ${String(error)}`);
  }
}

// fromBinary stops in silence where a group ends that never began, and "<" of an HTML page is such a tag.
function walk(raw: Uint8Array): void {
  const reader = new BinaryReader(raw);
  while (reader.pos < reader.len) reader.skip(reader.tag()[1]);
}

function inflate(data: Uint8Array, maxBytes: number): Uint8Array {
  try {
    return gunzipSync(data, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
    throw new Refusal("unknown", `failed to decompress profile: ${String(error)}`);
  }
}

function checkProfile(profile: Profile, rules: ServerRules): void {
  if (profile.sampleType.length === 0) throw invalid("no sample types");
  if (profile.sample.length > rules.samples)
    throw invalid(`the profile has ${profile.sample.length} samples, the limit is ${rules.samples}`);
  checkTime(profile, rules);
  checkStrings(profile);
  checkIds(profile);
  for (const { value, label } of profile.sample) {
    if (value.length !== profile.sampleType.length)
      throw invalid(`a sample has ${value.length} values for ${profile.sampleType.length} sample types`);
    if (label.length > rules.sampleLabels)
      throw invalid(`a sample has ${label.length} labels, the limit is ${rules.sampleLabels}`);
  }
}

function checkTime(profile: Profile, rules: ServerRules): void {
  if (profile.timeNanos <= 0n) return;
  const ageMs = rules.now() - Number(profile.timeNanos / 1_000_000n);
  if (ageMs > rules.maxAgeMs || -ageMs > rules.maxFutureMs)
    throw invalid(`the profile is ${Math.round(ageMs / 1000)} s old, outside of the ingestion window`);
}

function checkStrings(profile: Profile): void {
  const { stringTable: strings } = profile;
  if (strings[0] !== "") throw invalid("string_table[0] is not empty");
  const check = (index: bigint, where: string): void => {
    if (index < 0n || index >= BigInt(strings.length))
      throw invalid(`string index ${index} of ${where} is out of range`);
  };
  for (const { type, unit } of profile.sampleType) {
    check(type, "a sample type");
    check(unit, "a sample type");
    if (strings[Number(type)]?.includes("-")) throw invalid(`sample type "${strings[Number(type)]}" contains "-"`);
  }
  if (profile.periodType)
    for (const index of [profile.periodType.type, profile.periodType.unit]) check(index, "period_type");
  for (const { filename, buildId } of profile.mapping)
    for (const index of [filename, buildId]) check(index, "a mapping");
  for (const { name, systemName, filename } of profile.function)
    for (const index of [name, systemName, filename]) check(index, "a function");
  for (const { label } of profile.sample)
    for (const { key, str, numUnit } of label) for (const index of [key, str, numUnit]) check(index, "a sample label");
  for (const index of [profile.dropFrames, profile.keepFrames, profile.defaultSampleType, ...profile.comment])
    check(index, "the profile");
}

function checkIds(profile: Profile): void {
  const mappings = idsOf(profile.mapping, "mapping");
  const functions = idsOf(profile.function, "function");
  const locations = idsOf(profile.location, "location");
  for (const { mappingId, line } of profile.location) {
    if (mappingId !== 0n && !mappings.has(mappingId)) throw invalid(`mapping ${mappingId} does not exist`);
    for (const { functionId } of line)
      if (!functions.has(functionId)) throw invalid(`function ${functionId} does not exist`);
  }
  for (const { locationId } of profile.sample)
    for (const id of locationId) if (!locations.has(id)) throw invalid(`location ${id} does not exist`);
}

function idsOf(messages: readonly { id: bigint }[], what: string): Set<bigint> {
  const ids = new Set(messages.map(({ id }) => id));
  if (ids.has(0n)) throw invalid(`a ${what} has the id 0`);
  return ids;
}

const ownLabels = new Set(["__name__", "__delta__"]);

function checkLabels({ labels }: RawProfileSeries, profile: Profile, rules: ServerRules): void {
  if (labels.length === 0) throw invalid("no labels: service name required");
  if (!labels.some(({ name, value }) => name === "__name__" && value !== "")) throw invalid("__name__ is missing");
  for (const [at, { name, value }] of labels.entries()) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_.]*$/.test(name)) throw invalid(`label name "${name}" is invalid`);
    if (name.startsWith("__") && !ownLabels.has(name)) throw invalid(`label "${name}" is the server's own`);
    if (name.length > rules.labelNameLength) throw invalid(`label name "${name.slice(0, 64)}…" is too long`);
    if (Buffer.byteLength(value) > rules.labelValueLength) throw invalid(`the value of label "${name}" is too long`);
    const before = labels[at - 1]?.name;
    if (before === name) throw invalid(`label "${name}" is there twice`);
    if (before !== undefined && before > name) throw invalid(`label "${name}" stands after "${before}": not sorted`);
  }
  checkLabelCount(
    labels.map(({ name }) => name),
    profile,
    rules.labelNames,
  );
}

// The server adds service_name where it is missing, and turns the string labels of samples into labels of the series.
function checkLabelCount(names: readonly string[], profile: Profile, limit: number): void {
  const series = new Set([...names, "service_name"]);
  const widest = profile.sample.reduce((most, { label }) => {
    const added = label.filter(({ str }) => str !== 0n).map(({ key }) => profile.stringTable[Number(key)] ?? "");
    return Math.max(most, new Set([...series, ...added]).size);
  }, series.size);
  if (widest > limit) throw invalid(`the series has ${widest} label names, the limit is ${limit}`);
}

function invalid(message: string): Refusal {
  return new Refusal("invalid_argument", message);
}

function tooLarge(limit: number): Refusal {
  return invalid(`the uncompressed profile exceeds ${limit} bytes`);
}
