import { describe, expect, test } from "bun:test";
import { formatSize, Size } from "../../src/base/index.ts";

describe("Size.parse()", () => {
  const accepted: [text: string, bytes: number][] = [
    ["16MiB", 16 * 1024 ** 2],
    ["512KB", 512_000],
    ["1.5KiB", 1536],
    ["2 GiB", 2 * 1024 ** 3],
    ["100B", 100],
    ["0B", 0],
    ["1.9B", 1],
  ];
  test.each(accepted)("reads %s as %d bytes", (text, bytes) => {
    expect(Size.parse(text)?.bytes).toBe(bytes);
  });

  test.each(["", "16", "16MIB", "16mb", "-1MiB", "MiB", "1e3B", "1TiB", " 1B"])("refuses %j", (text) => {
    expect(Size.parse(text)).toBeUndefined();
  });
});

describe("formatSize()", () => {
  const shown: [bytes: number, text: string][] = [
    [0, "0B"],
    [1023, "1023B"],
    [1024, "1KiB"],
    [1536, "1.5KiB"],
    [16 * 1024 ** 2, "16MiB"],
    [3 * 1024 ** 3, "3GiB"],
  ];
  test.each(shown)("shows %d bytes as %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
    expect(JSON.stringify(new Size(bytes))).toBe(`"${text}"`);
  });
});
