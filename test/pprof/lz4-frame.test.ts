import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { unpackLz4Block } from "../../src/pprof/lz4-block.ts";
import { unpackLz4 } from "../../src/pprof/lz4-frame.ts";
import { PprofError } from "../../src/pprof/index.ts";
import { xxhash32 } from "../../src/pprof/xxhash32.ts";
import { recordedFrames } from "./lz4-recordings.ts";

const maxBytes = 200_000;
const join = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b);
const flipped = (data: Uint8Array, at: number): Uint8Array =>
  data.map((byte, index) => (index === (at < 0 ? data.length + at : at) ? byte ^ 0x55 : byte));
const uint32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const skippable = Uint8Array.of(0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
const endMark = uint32(0);

/** A frame around blocks, with neither checksums nor a size unless flags say so. */
function frameOf(blocks: readonly Uint8Array[], { flags = 0x60, descriptor = 0x40 } = {}): Uint8Array {
  const header = Uint8Array.of(flags, descriptor);
  return join(
    uint32(0x184d2204),
    header,
    Uint8Array.of((xxhash32(header) >>> 8) & 0xff),
    ...blocks.map((block) => join(uint32(block.length), block)),
    endMark,
  );
}
const block = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

function refusal(data: Uint8Array, limit = maxBytes): readonly [reason: string, message: string] {
  try {
    unpackLz4(data, limit);
  } catch (thrown) {
    if (thrown instanceof PprofError) return [thrown.reason, thrown.message];
    throw thrown;
  }
  return ["none", "nothing was thrown"];
}

const recorded = (name: string) => {
  const found = recordedFrames.find((each) => each.name === name);
  if (!found) throw new Error(`No recorded frame is called "${name}"`);
  return found;
};
const linked = recorded("linked blocks with checksums");
const sized = recorded("the content's size");
const small = recorded("a block that is not compressed");

describe("xxhash32", () => {
  const vectors: readonly (readonly [text: string, hash: number])[] = [
    ["", 0x02cc5d05],
    ["a", 0x550d7456],
    ["abc", 0x32d153ff],
    ["Nobody inspects the spammish repetition", 0xe2293b2f],
  ];
  test.each(vectors)("of %p is known", (text, hash) => {
    expect(xxhash32(new TextEncoder().encode(text))).toBe(hash);
  });
});

describe("unpackLz4", () => {
  for (const { name, command, content, bytes } of recordedFrames) {
    test(`unpacks ${name} (${command})`, () => {
      expect(equal(unpackLz4(bytes, maxBytes), content)).toBe(true);
    });
  }

  test("unpacks frames one after another, and skips those to be skipped", () => {
    const data = join(skippable, linked.bytes, skippable, small.bytes);
    expect(equal(unpackLz4(data, maxBytes), join(linked.content, small.content))).toBe(true);
  });

  test("takes content of exactly the limit, and no more", () => {
    for (const { bytes, content } of recordedFrames) {
      expect(unpackLz4(bytes, content.length).length).toBe(content.length);
      if (content.length > 0) expect(refusal(bytes, content.length - 1)[0]).toBe("too_large");
    }
    expect(refusal(join(small.bytes, small.bytes), small.content.length * 2 - 1)[0]).toBe("too_large");
  });

  test("repeats a match that overlaps itself", () => {
    const overlapping = frameOf([block(0x2f, 97, 98, 2, 0, 20, 0x10, 33)]);
    expect(new TextDecoder().decode(unpackLz4(overlapping, maxBytes))).toBe(`${"ab".repeat(20)}a!`);
  });

  test("refuses a frame that is cut at any byte", () => {
    for (let length = 1; length < linked.bytes.length; length++)
      expect(refusal(linked.bytes.subarray(0, length))[0]).toBe("truncated");
  });

  const zeros = new Uint8Array(70_000);
  const damages: readonly (readonly [what: string, data: Uint8Array, message: string | RegExp])[] = [
    ["another version", frameOf([], { flags: 0xa0 }), "a frame is of version 2, not 1"],
    ["a dictionary", frameOf([], { flags: 0x61 }), "a frame needs a dictionary"],
    ["a reserved flag", frameOf([], { flags: 0x62 }), "a frame's header has bits of no meaning"],
    ["a block size that is none", frameOf([], { descriptor: 0x30 }), "a frame's header has bits of no meaning"],
    ["a changed header", flipped(linked.bytes, 6), "the checksum of a frame's header is wrong"],
    ["a changed block", flipped(linked.bytes, 40), "the checksum of a block is wrong"],
    ["a changed content", flipped(small.bytes, 40), "the checksum of the content is wrong"],
    ["a changed content checksum", flipped(small.bytes, -1), "the checksum of the content is wrong"],
    ["a block above the frame's size", frameOf([zeros]), "a block of 70000 bytes is larger than its frame allows"],
    [
      "content above the frame's size",
      frameOf([block(0x1f, 0, 1, 0, ...Array.from({ length: 300 }, () => 255), 0, 0)]),
      "a block holds more than its frame allows",
    ],
    ["an offset of zero", frameOf([block(0x10, 97, 0, 0, 0)]), "a match reaches back 0 of 1 bytes"],
    ["an offset beyond the beginning", frameOf([block(0x10, 97, 2, 0, 0)]), "a match reaches back 2 of 1 bytes"],
    [
      "an independent block that reaches into another",
      frameOf([block(0x10, 97), block(0x10, 98, 2, 0, 0)]),
      "a match reaches back 2 of 1 bytes",
    ],
    [
      "a linked block that reaches into another frame",
      join(small.bytes, frameOf([block(0x10, 98, 2, 0, 0)], { flags: 0x40 })),
      "a match reaches back 2 of 1 bytes",
    ],
    ["literals beyond the block", frameOf([block(0x40, 97)]), "literals go beyond their block"],
    ["a length beyond the block", frameOf([block(0xf0, 255)]), "a length goes beyond its block"],
    ["half an offset", frameOf([block(0x10, 97, 1)]), "an offset goes beyond its block"],
    ["a match at the end", frameOf([block(0x10, 97, 1, 0)]), "a block ends with a match"],
  ];
  test.each(damages)("refuses %s", (_, data, message) => {
    expect(refusal(data)).toEqual(["not_pprof", `Cannot read the profile: its lz4 data is damaged (${message})`]);
  });

  test("refuses a size that the content does not have", () => {
    const [header, rest] = [sized.bytes.slice(4, 14), sized.bytes.subarray(15)];
    header[2] = 7;
    const data = join(sized.bytes.subarray(0, 4), header, block((xxhash32(header) >>> 8) & 0xff), rest);
    expect(refusal(data)[1]).toMatch(/damaged \(a frame of 149767 bytes holds 150000\)/);
  });

  test("refuses what follows a frame and is none", () => {
    expect(refusal(join(small.bytes, block(1, 2, 3, 4)))).toEqual([
      "not_pprof",
      `Cannot read the profile: its lz4 data goes on with something else at byte ${small.bytes.length}`,
    ]);
  });

  test("refuses a bomb at the limit, without memory for what it claims", () => {
    const bomb = frameOf([block(0x1f, 0, 1, 0, ...Array.from({ length: 16_000 }, () => 255), 0, 0x10, 0)], {
      descriptor: 0x70,
    });
    expect(unpackLz4(bomb, 8 * 1024 ** 2).length).toBeGreaterThan(4_000_000);
    expect(refusal(join(bomb, bomb), 5_000_000)[0]).toBe("too_large");
  });
});

const timeLimit = { interruptAfterTimeLimit: 1500, numRuns: 100_000 };

describe("unpackLz4 throws nothing but PprofError and keeps to the limit", () => {
  const keepsToLimit = (data: Uint8Array, limit: number): void => {
    const before = data.slice();
    try {
      expect(unpackLz4(data, limit).length).toBeLessThanOrEqual(limit);
    } catch (thrown) {
      if (!(thrown instanceof PprofError)) throw thrown;
    }
    expect(equal(data, before)).toBe(true);
  };

  test("on recorded frames with a few bytes changed", () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...recordedFrames), edits, ({ bytes }, changes) => {
        const changed = bytes.slice();
        for (const [at, byte] of changes) changed[at % changed.length] = byte;
        keepsToLimit(changed, 1000);
        keepsToLimit(changed, maxBytes);
      }),
      timeLimit,
    );
  });

  test("on frames of arbitrary blocks", () => {
    const blocks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 5 });
    fc.assert(
      fc.property(blocks, fc.constantFrom(0x40, 0x60), fc.nat({ max: 500 }), (content, flags, limit) =>
        keepsToLimit(frameOf(content, { flags }), limit),
      ),
      timeLimit,
    );
  });

  test("and a block writes nothing outside of its bounds", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat({ max: 100 }), (source, room) => {
        const target = new Uint8Array(300).fill(7);
        const bounds = { from: 0, to: source.length, at: 100, limit: 100 + room, floor: 90 };
        try {
          expect(unpackLz4Block({ source, target, ...bounds })).toBeLessThanOrEqual(bounds.limit);
        } catch (thrown) {
          if ((thrown as Error).constructor.name !== "Lz4BlockError") throw thrown;
        }
        expect(target.subarray(0, 100).every((byte) => byte === 7)).toBe(true);
        expect(target.subarray(bounds.limit).every((byte) => byte === 7)).toBe(true);
      }),
      timeLimit,
    );
  });
});
