import { gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { type Profile, ProfileSchema } from "../../src/gen/google/v1/profile_pb.ts";

/** A pprof profile, gzipped or not, by protobuf-es: nothing of the agent's own reader. */
export function decodeProfile(bytes: Uint8Array): Profile {
  return fromBinary(ProfileSchema, bytes[0] === 0x1f ? gunzipSync(bytes) : bytes);
}

/** The values of one column (`alloc_space`) by stack, as function names from the leaf; only those that are not zero. */
export function sumsByStack(profiles: readonly Profile[], column: string): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const profile of profiles) {
    const at = columnOf(profile, column);
    const names = stackNames(profile);
    for (const { locationId, value } of profile.sample) {
      const stack = locationId.map((id) => names.get(id)).join(";");
      sums.set(stack, (sums.get(stack) ?? 0n) + (value[at] as bigint));
    }
  }
  for (const [stack, sum] of sums) if (sum === 0n) sums.delete(stack);
  return sums;
}

/** What the stacks that hold a function sum to. */
export function sumBelow(profiles: readonly Profile[], options: { column: string; function: string }): bigint {
  let sum = 0n;
  for (const [stack, value] of sumsByStack(profiles, options.column))
    if (stack.split(";").includes(options.function)) sum += value;
  return sum;
}

/** `later` minus `earlier`, stack by stack; only what differs. */
export function difference(
  later: ReadonlyMap<string, bigint>,
  earlier: ReadonlyMap<string, bigint>,
): Map<string, bigint> {
  const differences = new Map<string, bigint>();
  for (const stack of new Set([...later.keys(), ...earlier.keys()])) {
    const value = (later.get(stack) ?? 0n) - (earlier.get(stack) ?? 0n);
    if (value !== 0n) differences.set(stack, value);
  }
  return differences;
}

function columnOf(profile: Profile, column: string): number {
  const at = profile.sampleType.findIndex(({ type }) => profile.stringTable[Number(type)] === column);
  if (at < 0) throw new Error(`The profile has no column "${column}"`);
  return at;
}

/** The function names of every location, inlined ones first. */
function stackNames(profile: Profile): Map<bigint, string> {
  const functions = new Map(profile.function.map(({ id, name }) => [id, profile.stringTable[Number(name)] ?? ""]));
  return new Map(
    profile.location.map(({ id, line }) => [id, line.map(({ functionId }) => functions.get(functionId)).join(";")]),
  );
}
