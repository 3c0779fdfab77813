/**
 * A 64-bit hash of pairs of words, in two 32-bit lanes. Each step is a bijection of both the lane and the word, and the lanes
 * use different rotations and multipliers, so that two inputs collide in both only by chance. Not secret, and the same on every
 * machine: remembered stacks outlive the process.
 */
export class Hash {
  lo = 0;
  hi = 0;

  reset(): void {
    this.lo = 0x2545f491;
    this.hi = 0x6c62272e;
  }

  add(lo: number, hi: number): void {
    const a = this.lo ^ Math.imul(lo, 0x9e3779b1);
    const b = this.hi ^ Math.imul(hi, 0x85ebca77);
    this.lo = (Math.imul((a << 13) | (a >>> 19), 0xc2b2ae3d) + 0x27d4eb2f) | 0;
    this.hi = (Math.imul((b << 17) | (b >>> 15), 0x165667b1) + 0x5bd1e995) | 0;
  }

  /** Spreads what was added over all 64 bits and leaves unsigned halves; call it once, last. */
  finish(): void {
    const lo = mixed(this.lo ^ Math.imul(this.hi, 0x9e3779b1));
    this.hi = mixed(this.hi ^ Math.imul(lo, 0x85ebca77)) >>> 0;
    this.lo = lo >>> 0;
  }
}

/** A bijection of 32 bits in which every input bit changes about half of the output's. */
function mixed(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x7feb352d);
  word = Math.imul(word ^ (word >>> 15), 0x846ca68b);
  return word ^ (word >>> 16);
}
