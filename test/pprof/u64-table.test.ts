import { describe, expect, test } from "bun:test";
import { U64Table } from "../../src/pprof/u64-table.ts";

describe("a table of 64-bit keys", () => {
  test("numbers entries in order and finds each by all 64 bits", () => {
    const table = new U64Table(3000);
    const keys = Array.from(
      { length: 1000 },
      (_, index) =>
        [
          [index, 0],
          [0, index + 1],
          [7, 0xffff_ffff - index],
        ] as const,
    ).flat();
    for (const [lo, hi] of keys) table.add(lo, hi);
    expect(table.count).toBe(3000);
    for (const [entry, [lo, hi]] of keys.entries())
      expect([table.find(lo, hi), table.add(lo, hi)]).toEqual([entry, entry]);
    expect(table.find(7, 5000)).toBe(-1);
  });

  test.each([
    ["in order from 1", [1, 2, 3, 4]],
    ["in order with one left out", [1, 2, 4, 5]],
    ["in order and then back to 0", [1, 2, 0]],
    ["from 2", [2, 1, 3]],
  ])("numbers small keys %s alike", (_, keys) => {
    const table = new U64Table(keys.length);
    for (const [entry, key] of keys.entries()) {
      expect(table.find(key, 0)).toBe(-1);
      expect(table.add(key, 0)).toBe(entry);
    }
    for (const [entry, key] of keys.entries()) expect([table.find(key, 0), table.add(key, 0)]).toEqual([entry, entry]);
    expect([table.find(9, 0), table.find(1, 1), table.count]).toEqual([-1, -1, keys.length]);
  });

  test("without room finds nothing", () => {
    expect(new U64Table(0).find(0, 0)).toBe(-1);
  });

  test.each([1, 2, 3, 4, 5, 6, 7, 100, 6553, 6554])(
    "of %d entries keeps within what it says to take, and has a free slot",
    (count) => {
      const table = new U64Table(count, 4);
      for (let key = 0; key < count; key++) table.add(key, key);
      expect(table.byteLength).toBeLessThanOrEqual(count * U64Table.maxBytesPerEntry(4) + 8);
      expect(table.find(1, 2)).toBe(-1);
    },
  );
});
