/** Protobuf written field by field, for tests that need bytes no encoder would write. */

export function varint(value: number | bigint): number[] {
  let rest = BigInt.asUintN(64, BigInt(value));
  const encoded: number[] = [];
  while (rest > 0x7fn) {
    encoded.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return [...encoded, Number(rest)];
}

/** A varint field. */
export function number(field: number, value: number | bigint): number[] {
  return [...varint(field << 3), ...varint(value)];
}

/** A string, message or packed list. */
export function bytes(field: number, content: readonly number[] | string): number[] {
  const payload = typeof content === "string" ? [...new TextEncoder().encode(content)] : content;
  return [...varint((field << 3) | 2), ...varint(payload.length), ...payload];
}

export function packed(field: number, values: readonly (number | bigint)[]): number[] {
  return bytes(field, values.flatMap(varint));
}
