const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;

/** The checksum of LZ4 frames: XXH32 with seed 0, unsigned. (xxHash specification, "XXH32 algorithm description") */
export function xxhash32(data: Uint8Array): number {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = data.length & ~15;
  let hash = (at > 0 ? stripes(view, at) : prime5) + data.length;
  for (; at + 4 <= data.length; at += 4)
    hash = Math.imul(rotate(hash + Math.imul(view.getUint32(at, true), prime3), 17), prime4);
  for (; at < data.length; at++) hash = Math.imul(rotate(hash + Math.imul(view.getUint8(at), prime5), 11), prime1);
  hash = Math.imul(hash ^ (hash >>> 15), prime2);
  hash = Math.imul(hash ^ (hash >>> 13), prime3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The part that goes by sixteen bytes at a time, in four lanes. */
function stripes(view: DataView, end: number): number {
  let a = (prime1 + prime2) | 0;
  let b = prime2 | 0;
  let c = 0;
  let d = -prime1 | 0;
  for (let at = 0; at < end; at += 16) {
    a = lane(a, view.getUint32(at, true));
    b = lane(b, view.getUint32(at + 4, true));
    c = lane(c, view.getUint32(at + 8, true));
    d = lane(d, view.getUint32(at + 12, true));
  }
  return rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
}

function lane(sum: number, word: number): number {
  return Math.imul(rotate(sum + Math.imul(word, prime2), 13), prime1);
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
