import { describe, expect, test } from "bun:test";
import { type Arrays, withSharedArrays } from "../../src/pprof/arrays.ts";

/** The shared memory grows after a call, to what the call wanted of it. */
function warmUp(use: (arrays: Arrays) => void): void {
  withSharedArrays(use);
}

describe("shared arrays", () => {
  test("are the same memory in the next call, and zeros again", () => {
    const take = (arrays: Arrays) => [arrays.bytes(3), arrays.words(1000)] as const;
    warmUp(take);
    const [bytes, words] = withSharedArrays((arrays) => {
      const [dirtyBytes, dirtyWords] = take(arrays);
      dirtyBytes.fill(1);
      dirtyWords.fill(2);
      return [dirtyBytes, dirtyWords] as const;
    });
    const [nextBytes, nextWords] = withSharedArrays(take);
    expect(nextWords.buffer).toBe(words.buffer);
    expect([...nextBytes, ...nextWords].every((value) => value === 0)).toBe(true);
    expect([...bytes, ...words].every((value) => value === 0)).toBe(true);
  });

  test("of one call do not overlap", () => {
    const take = (arrays: Arrays) => [arrays.bytes(5), arrays.words(2), arrays.bytes(1)] as const;
    warmUp(take);
    const taken = withSharedArrays(take);
    for (const [index, array] of taken.entries()) array.fill(index + 1);
    expect(taken.map((array) => [...array])).toEqual([[1, 1, 1, 1, 1], [2, 2], [3]]);
  });

  test("beyond what is kept are arrays of their own, and nothing of that size stays", () => {
    const large = 64 * 1024 ** 2;
    const take = (arrays: Arrays) => arrays.bytes(large);
    const first = withSharedArrays(take);
    const second = withSharedArrays(take);
    expect(second.buffer).not.toBe(first.buffer);
    expect(withSharedArrays((arrays) => arrays.bytes(1)).buffer.byteLength).toBeLessThan(large);
  });

  test("of a call within a call are its own", () => {
    const take = (arrays: Arrays) => arrays.words(8).fill(7);
    warmUp(take);
    withSharedArrays((arrays) => {
      const outer = take(arrays);
      withSharedArrays((inner) => inner.words(8).fill(9));
      expect([...outer]).toEqual(Array.from({ length: 8 }, () => 7));
    });
  });

  test("are given back when a call throws", () => {
    warmUp((arrays) => void arrays.words(8));
    const fail = () =>
      withSharedArrays(() => {
        throw new Error("no profile");
      });
    expect(fail).toThrow("no profile");
    const buffers = [1, 2].map(() => withSharedArrays((arrays) => arrays.words(8)).buffer);
    expect(buffers[0]).toBe(buffers[1] as ArrayBuffer);
  });
});
