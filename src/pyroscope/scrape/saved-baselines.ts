import { crc32 } from "node:zlib";
import { type BootClock, type Clock, clockIsSetFromMs, limits } from "../../base/index.ts";
import { decodeBaseline, encodeBaseline } from "../../pprof/index.ts";
import type { SavedSlot } from "./baselines.ts";
import { type Comparison, comparisons } from "./restart-guard.ts";

/**
 * The form on disk. Numbers are little-endian; the checksum is of all that follows it.
 *
 *     "pprofbl2"  crc32  when saved: milliseconds since 1970, since the machine started (f64 each), and the id of that start (36 bytes)
 *     each slot: bytes of key, of baseline, of history (u32 each), 1 where deltas are withheld plus twice the seconds since its loop
 *     ended (u32), key, history, baseline
 *
 * The key is the slot's group, a dot and its series. Once it was without both, and the seconds without being counted.
 */
const magic = Buffer.from("pprofbl2");
const bootIdBytes = 36;
const headerBytes = magic.length + 4 + 8 + 8 + bootIdBytes;
const slotHeaderBytes = 16;

/** What the clocks of a machine say at one moment. */
export interface Moment {
  readonly wallMs: number;
  readonly bootMs: number;
  /** Of this start of the machine; empty where one cannot be told from the next. */
  readonly bootId: string;
}

export function momentOf(clock: Clock, boot: BootClock): Moment {
  return { wallMs: clock.now(), bootMs: boot.nowMs(), bootId: boot.id };
}

/** As many slots as fit into `limits.savedBaselinesBytes`; `left` is how many did not. */
export function encodeSlots(
  slots: Iterable<SavedSlot>,
  at: Moment,
): { readonly parts: readonly Uint8Array[]; readonly saved: number; readonly left: number } {
  const encoded: Uint8Array[] = [];
  let bytes = headerBytes;
  let left = 0;
  for (const slot of slots) {
    const next = encodeSlot(slot);
    if (bytes + next.length > limits.savedBaselinesBytes) left++;
    else {
      encoded.push(next);
      bytes += next.length;
    }
  }
  return { parts: [header(encoded, at), ...encoded], saved: encoded.length, left };
}

function header(slots: readonly Uint8Array[], { wallMs, bootMs, bootId }: Moment): Uint8Array {
  const bytes = Buffer.alloc(headerBytes);
  magic.copy(bytes);
  bytes.writeDoubleLE(wallMs, magic.length + 4);
  bytes.writeDoubleLE(bootMs, magic.length + 12);
  bytes.write(bootId, magic.length + 20, bootIdBytes, "latin1");
  const checksum = slots.reduce((sum, slot) => crc32(slot, sum), crc32(bytes.subarray(magic.length + 4)));
  bytes.writeUInt32LE(checksum, magic.length);
  return bytes;
}

function encodeSlot({ group, series, ageMs, baseline, guard }: SavedSlot): Uint8Array {
  const keyBytes = Buffer.from(`${group}.${series}`);
  const baselineBytes = encodeBaseline(baseline);
  const history = Uint8Array.from(guard.history, (comparison) => comparisons.indexOf(comparison));
  const sizes = Buffer.alloc(slotHeaderBytes);
  const numbers = [
    keyBytes.length,
    baselineBytes.length,
    history.length,
    2 * Math.ceil(ageMs / 1000) + Number(guard.withholds),
  ];
  for (const [index, number] of numbers.entries()) sizes.writeUInt32LE(number, index * 4);
  return Buffer.concat([sizes, keyBytes, history, baselineBytes]);
}

/** Why a file is not used, in words. That it is too old, or of an age that cannot be told, is nothing to wonder at. */
export interface UnusableSlots {
  readonly unusable: string;
  readonly isDamaged: boolean;
}

export interface UsableSlots {
  readonly slots: readonly SavedSlot[];
  /** Then how old they are is what two wall clocks say, and both may be wrong: the time of the next profile is to decide. */
  readonly ofEarlierBoot: boolean;
}

/** What `encodeSlots` made. */
export function decodeSlots(bytes: Uint8Array, now: Moment): UsableSlots | UnusableSlots {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.length < headerBytes || !view.subarray(0, magic.length).equals(magic))
    return { unusable: "the file is not in the form of this version of the agent", isDamaged: true };
  if (crc32(view.subarray(magic.length + 4)) !== view.readUInt32LE(magic.length))
    return { unusable: "the file is damaged: its checksum is another", isDamaged: true };
  const saved = momentIn(view);
  const agoMs = msSince(saved, now);
  if (typeof agoMs === "string") return { unusable: agoMs, isDamaged: false };
  const slots = decodeEach(view, agoMs);
  return slots
    ? { slots: slots.filter(({ ageMs }) => ageMs <= limits.baselineAgeMs), ofEarlierBoot: !isSameBoot(saved, now) }
    : { unusable: "the file is damaged: its content makes no sense", isDamaged: true };
}

function momentIn(view: Buffer): Moment {
  return {
    wallMs: view.readDoubleLE(magic.length + 4),
    bootMs: view.readDoubleLE(magic.length + 12),
    bootId: view.toString("latin1", magic.length + 20, headerBytes).replace(/\0+$/, ""),
  };
}

function isSameBoot(saved: Moment, now: Moment): boolean {
  return now.bootId !== "" && now.bootId === saved.bootId;
}

/** How long ago it was saved, or why it is not used. In one run of the machine its boot clock tells, whatever the wall clock did. */
function msSince(saved: Moment, now: Moment): number | string {
  const isSame = isSameBoot(saved, now);
  if (!isSame && (!(saved.wallMs >= clockIsSetFromMs) || now.wallMs < clockIsSetFromMs))
    return "its age is not known, because the clock is not set or was not when it was saved";
  if (!isSame && now.wallMs < saved.wallMs)
    return "its age is not known, because the clock went back since it was saved";
  const agoMs = isSame ? now.bootMs - saved.bootMs : now.wallMs - saved.wallMs;
  return agoMs > limits.baselineAgeMs ? "it is too old" : agoMs;
}

/** A checksum says that these are the bytes that were written, and not who wrote them. */
function decodeEach(view: Buffer, savedAgoMs: number): readonly SavedSlot[] | undefined {
  const slots: SavedSlot[] = [];
  for (let at = headerBytes; at < view.length; ) {
    if (at + slotHeaderBytes > view.length) return undefined;
    const [key = 0, baseline = 0, history = 0, state = 0] = [0, 4, 8, 12].map((byte) => view.readUInt32LE(at + byte));
    const keyAt = at + slotHeaderBytes;
    const historyAt = keyAt + key;
    const baselineAt = historyAt + history;
    at = baselineAt + baseline;
    if (at > view.length) return undefined;
    const comparisonsThen = historyOf(view.subarray(historyAt, baselineAt));
    const decoded = decodeBaseline(view.subarray(baselineAt, at));
    if (!comparisonsThen || !decoded) return undefined;
    const [group = "", series = ""] = view.toString("utf8", keyAt, historyAt).split(".");
    const guard = { history: comparisonsThen, withholds: state % 2 === 1 };
    slots.push({ group, series, ageMs: savedAgoMs + Math.floor(state / 2) * 1000, baseline: decoded, guard });
  }
  return slots;
}

function historyOf(codes: Uint8Array): readonly Comparison[] | undefined {
  const history = [...codes].map((code) => comparisons[code]);
  return history.every((comparison) => comparison !== undefined) ? history : undefined;
}
