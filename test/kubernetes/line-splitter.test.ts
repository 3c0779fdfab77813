import { expect, test } from "bun:test";
import { lineSplitter } from "../../src/kubernetes/line-splitter.ts";

function splitter(maxBytes = 100) {
  const lines: string[] = [];
  const take = lineSplitter({ maxBytes, onLine: (line) => void lines.push(line) });
  return { lines, take: (text: string | Uint8Array) => take(Buffer.from(text as string)) };
}

test("lines come out whole however their bytes arrive", () => {
  const { lines, take } = splitter();
  const bytes = Buffer.from('{"a":1}\n\n{"ä":"€"}\nrest');
  for (const byte of bytes) take(Uint8Array.of(byte));
  expect(lines).toEqual(['{"a":1}', '{"ä":"€"}']);
  take("\nmore\nand more\n");
  expect(lines.slice(2)).toEqual(["rest", "more", "and more"]);
});

test("a line that is too long is refused before it has ended, and lines of the limit are not", () => {
  const { lines, take } = splitter(8);
  take("12345678\n12345678\n1234");
  expect(lines).toEqual(["12345678", "12345678"]);
  expect(() => take("56789")).toThrow("Cannot read the API server: an event is larger than 8B");
});
