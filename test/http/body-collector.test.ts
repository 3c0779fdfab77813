import { describe, expect, test } from "bun:test";
import { BodyCollector } from "../../src/http/body-collector.ts";

const mebibyte = 1024 ** 2;

function collect(announcedBytes: number | undefined, chunks: readonly Uint8Array[]): Uint8Array {
  const body = new BodyCollector(announcedBytes);
  for (const chunk of chunks) body.add(chunk);
  return body.take();
}

describe("a body collector", () => {
  const cases: [name: string, announcedBytes: number | undefined, chunks: number[][]][] = [
    ["nothing", undefined, []],
    ["nothing of an announced length", 5, []],
    ["chunks of unknown length", undefined, [[1, 2], [3], [4, 5]]],
    ["chunks of known length", 5, [[1, 2], [3], [4, 5]]],
    ["fewer than were announced", 9, [[1, 2], [3]]],
    ["chunks of a length too large to set memory aside for", 2 * mebibyte, [[1, 2], [3]]],
  ];
  test.each(cases)("returns %s", (_, announcedBytes, chunks) => {
    const body = collect(
      announcedBytes,
      chunks.map((chunk) => Uint8Array.from(chunk)),
    );
    expect([...body]).toEqual(chunks.flat());
  });

  test.each([undefined, 3])("does not copy a body of one chunk; announced: %p", (announcedBytes) => {
    const chunk = Uint8Array.of(1, 2, 3);
    expect(collect(announcedBytes, [chunk])).toBe(chunk);
  });

  test("holds no more than the announced bytes", () => {
    expect(collect(3, [Uint8Array.of(1), Uint8Array.of(2, 3)]).buffer.byteLength).toBe(3);
  });
});
