/**
 * Where the records of one segment stand and when they came: 24 bytes for each, and no object. A slot without a record (it was damaged)
 * has a length of 0.
 */
export interface Slots {
  readonly length: number;
  add(slot: number, values: SlotValues): void;
  offsetOf(slot: number): number;
  /** Of the whole frame on disk; 0 where there is no record. */
  bytesOf(slot: number): number;
  wallMsOf(slot: number): number;
  bootMsOf(slot: number): number;
  /** Forgets everything from that slot on. */
  cut(length: number): void;
  /** Gives back what was held for more to come. */
  shrink(): void;
  readonly memoryBytes: number;
}

export interface SlotValues {
  readonly offset: number;
  readonly bytes: number;
  readonly wallMs: number;
  readonly bootMs: number;
}

const bytesPerSlot = 24;

export function createSlots(): Slots {
  let length = 0;
  // Times first, so that both kinds of array are aligned: wall and boot by turns, then offset and bytes by turns.
  let times = new Float64Array(0);
  let places = new Uint32Array(0);

  const resize = (capacity: number): void => {
    const [oldTimes, oldPlaces] = [times.subarray(0, 2 * capacity), places.subarray(0, 2 * capacity)];
    times = new Float64Array(2 * capacity);
    places = new Uint32Array(2 * capacity);
    times.set(oldTimes);
    places.set(oldPlaces);
  };

  return {
    get length() {
      return length;
    },
    add(slot, { offset, bytes, wallMs, bootMs }) {
      if (2 * slot >= places.length) resize(Math.max(16, 2 * slot));
      places[2 * slot] = offset;
      places[2 * slot + 1] = bytes;
      times[2 * slot] = wallMs;
      times[2 * slot + 1] = bootMs;
      length = Math.max(length, slot + 1);
    },
    offsetOf: (slot) => places[2 * slot] as number,
    bytesOf: (slot) => (slot < length ? (places[2 * slot + 1] as number) : 0),
    wallMsOf: (slot) => times[2 * slot] as number,
    bootMsOf: (slot) => times[2 * slot + 1] as number,
    cut(to) {
      length = Math.min(length, to);
    },
    shrink: () => resize(length),
    get memoryBytes() {
      return (places.length / 2) * bytesPerSlot;
    },
  };
}
