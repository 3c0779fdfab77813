import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** A column of a profile, or the kind of its period: `cpu` in `nanoseconds`. */
export interface ValueType {
  readonly type: string;
  readonly unit: string;
}

export interface Frame {
  readonly name: string;
  /** Empty where unknown. */
  readonly file: string;
  /** The line of the function; 0 where unknown. */
  readonly line: number;
}

export interface Stack {
  /** The running function first, its callers after it. */
  readonly frames: readonly Frame[];
  /** Whole numbers, one per sample type. */
  readonly values: readonly number[];
}

export interface ProfileInput {
  readonly sampleTypes: readonly ValueType[];
  readonly periodType: ValueType;
  readonly period: number;
  /** When it was recorded, in milliseconds since 1970. */
  readonly timeMs: number;
  readonly durationMs?: number;
  readonly stacks: Iterable<Stack>;
}

const varint = WireType.Varint;
const lengthDelimited = WireType.LengthDelimited;

type TextId = (text: string) => number;

/** A pprof profile, not compressed (pprof's profile.proto). Functions and locations are one to one: a frame has one line. */
export function encodeProfile(input: ProfileInput): Uint8Array {
  const texts = new Map([["", 0]]);
  const textId: TextId = (text) => {
    const id = texts.get(text) ?? texts.size;
    texts.set(text, id);
    return id;
  };
  const profile = new BinaryWriter();
  for (const type of input.sampleTypes) writeValueType(profile.tag(1, lengthDelimited), type, textId);
  writeStacks(profile, input.stacks, textId);
  profile.tag(9, varint).int64(nanoseconds(input.timeMs));
  profile.tag(10, varint).int64(nanoseconds(input.durationMs ?? 0));
  writeValueType(profile.tag(11, lengthDelimited), input.periodType, textId);
  profile.tag(12, varint).int64(input.period);
  for (const text of texts.keys()) profile.tag(6, lengthDelimited).string(text);
  return profile.finish();
}

/** The samples, and behind them every frame they mention. */
function writeStacks(profile: BinaryWriter, stacks: Iterable<Stack>, textId: TextId): void {
  const ids = new Map<string, number>();
  const frames = new BinaryWriter();
  const locationId = (frame: Frame): number => {
    const key = JSON.stringify([frame.name, frame.file, frame.line]);
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = ids.size + 1;
    ids.set(key, id);
    writeFrame(frames, { id, frame, textId });
    return id;
  };
  for (const stack of stacks) {
    profile.tag(2, lengthDelimited).fork();
    profile.tag(1, lengthDelimited).fork();
    for (const frame of stack.frames) profile.uint64(locationId(frame));
    profile.join().tag(2, lengthDelimited).fork();
    for (const value of stack.values) profile.int64(value);
    profile.join().join();
  }
  profile.raw(frames.finish());
}

/** The location and the function of a frame, both under the same id. */
function writeFrame(frames: BinaryWriter, options: { id: number; frame: Frame; textId: TextId }): void {
  const { id, frame, textId } = options;
  const name = textId(frame.name);
  frames.tag(4, lengthDelimited).fork().tag(1, varint).uint64(id);
  frames.tag(4, lengthDelimited).fork().tag(1, varint).uint64(id).tag(2, varint).int64(frame.line).join().join();
  frames.tag(5, lengthDelimited).fork().tag(1, varint).uint64(id);
  frames.tag(2, varint).int64(name).tag(3, varint).int64(name);
  frames.tag(4, varint).int64(textId(frame.file)).tag(5, varint).int64(frame.line).join();
}

function writeValueType(tagged: BinaryWriter, { type, unit }: ValueType, textId: TextId): void {
  tagged.fork().tag(1, varint).int64(textId(type)).tag(2, varint).int64(textId(unit)).join();
}

/** Exact where a double is not: nanoseconds since 1970 pass 2^53. */
function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n;
}
