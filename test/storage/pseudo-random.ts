import process from "node:process";

/** Printed in the names of the tests that use it, and set by SEED to have one of them again. */
export const seed = Number(process.env["SEED"] ?? Date.now() % 1e9);

export interface Random {
  /** A whole number from 0 to below `end`. */
  below(end: number): number;
  pick<T>(from: readonly T[]): T | undefined;
  bytes(length: number): Uint8Array;
}

/** Mulberry32: the same numbers for the same seed. */
export function createRandom(start: number): Random {
  let state = start;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (end: number): number => Math.floor(next() * end);
  return {
    below,
    pick: (from) => from[below(from.length)],
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}
