import { describe, expect, test } from "bun:test";
import { Duration, formatDuration, roundedMs } from "../../src/base/index.ts";

describe("Duration.parse()", () => {
  const accepted: [text: string, ms: number][] = [
    ["15s", 15_000],
    ["1m30s", 90_000],
    ["500ms", 500],
    ["1h", 3_600_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["1.s", 1000],
    ["-3s", -3000],
    ["+3s", 3000],
    ["250us", 0.25],
    ["250µs", 0.25],
    ["250μs", 0.25],
    ["1000ns", 0.001],
    ["1s1s", 2000],
    ["0", 0],
    ["0s", 0],
  ];
  test.each(accepted)("reads %s as %d ms", (text, ms) => {
    expect(Duration.parse(text)?.ms).toBeCloseTo(ms, 9);
  });

  const refused = [
    "",
    "15",
    "s",
    "15 s",
    "1d",
    "1w",
    "1h-3m",
    "1e3s",
    "15S",
    "15sec",
    " 15s",
    "15s ",
    ".s",
    "--1s",
    "∞s",
  ];
  test.each(refused)("refuses %j", (text) => {
    expect(Duration.parse(text)).toBeUndefined();
  });
});

describe("formatDuration()", () => {
  const shown: [ms: number, text: string][] = [
    [0, "0s"],
    [15_000, "15s"],
    [90_000, "1m30s"],
    [3_600_000, "1h"],
    [3_601_000, "1h1s"],
    [500, "500ms"],
    [1500, "1.5s"],
    [0.25, "0.25ms"],
    [-90_000, "-1m30s"],
  ];
  test.each(shown)("shows %d ms as %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
    expect(Duration.parse(text)?.ms).toBe(ms);
  });

  test("is what a duration turns into wherever arguments are shown", () => {
    const duration = new Duration(18_000);
    expect(String(duration)).toBe("18s");
    expect(JSON.stringify({ duration })).toBe('{"duration":"18s"}');
    expect(duration.seconds).toBe(18);
  });
});

describe("roundedMs()", () => {
  const rounded: [ms: number, to: number][] = [
    [0.4, 0],
    [7.6, 8],
    [1997.458, 2000],
    [1234, 1230],
    [11_996, 12_000],
    [123_456, 123_000],
  ];
  test.each(rounded)("takes %d ms for %d ms", (ms, to) => {
    expect(roundedMs(ms)).toBe(to);
  });
});
