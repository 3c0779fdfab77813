import { describe, expect, test } from "bun:test";
import { backoffDelayMs } from "../../src/base/index.ts";

const options = { minMs: 500, maxMs: 300_000 };

describe("backoffDelayMs()", () => {
  const windows: [retry: number, windowMs: number][] = [
    [1, 1000],
    [2, 2000],
    [9, 256_000],
    [10, 300_000],
    [5000, 300_000],
  ];
  test.each(windows)("waits between half of the window and all of it before retry %d", (retry, windowMs) => {
    expect(backoffDelayMs(retry, options, () => 0)).toBe(windowMs / 2);
    expect(backoffDelayMs(retry, options, () => 0.5)).toBe(windowMs * 0.75);
    expect(backoffDelayMs(retry, options, () => 1)).toBe(windowMs);
  });

  test("is constant where the least wait is not below the longest", () => {
    expect(backoffDelayMs(3, { minMs: 1000, maxMs: 1000 })).toBe(1000);
  });

  test("differs from call to call unless told otherwise", () => {
    const delays = new Set(Array.from({ length: 20 }, () => backoffDelayMs(5, options)));
    expect(delays.size).toBeGreaterThan(1);
  });
});
