/** The field `time_nanos` of a pprof profile (profile.proto), without decoding the rest: the harness sees many profiles. */
const fieldNumber = 9;

interface Field {
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** Of a varint field. */
  readonly value: bigint;
}

/** The raw profile without its time. */
export function withoutTime(raw: Uint8Array): Uint8Array {
  const kept = [...fieldsOf(raw)].filter(({ number }) => number !== fieldNumber);
  return Buffer.concat(kept.map(({ start, end }) => raw.subarray(start, end)));
}

/** The field that gives a raw profile this time, when put behind it. */
export function timeField(nanos: bigint): Uint8Array {
  const bytes = [fieldNumber << 3];
  for (let rest = nanos; ; rest >>= 7n) {
    if (rest < 0x80n) return Uint8Array.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

/** The time of a raw profile; 0 where it has none. */
export function timeOf(raw: Uint8Array): bigint {
  let nanos = 0n;
  for (const { number, value } of fieldsOf(raw)) if (number === fieldNumber) nanos = value;
  return nanos;
}

function* fieldsOf(raw: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = raw[at++];
      if (byte === undefined) throw new Error("The profile ends in the middle of a number");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < raw.length) {
    const start = at;
    const tag = Number(varint());
    const kind = tag & 7;
    const value = kind === 0 ? varint() : 0n;
    const length = kind === 2 ? Number(varint()) : kind === 1 ? 8 : kind === 5 ? 4 : 0;
    at += length;
    yield { number: tag >> 3, start, end: at, value };
  }
}
