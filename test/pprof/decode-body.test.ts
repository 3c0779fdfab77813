import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { type PprofError, compress, decodeBody, validate } from "../../src/pprof/index.ts";
import { rawRecording, recording } from "../support/recordings.ts";

const maxBytes = 1_000_000;
const raw = rawRecording("mutex", 1);
const gzipped = gzipSync(raw);
const zstd = zstdCompressSync(raw);
const lz4 = new Uint8Array(readFileSync(new URL("../fixtures/lz4/mutex.1.pb.lz4", import.meta.url)));
const text = (content: string): Uint8Array => new TextEncoder().encode(content);
const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const flipped = (data: Uint8Array, at: number): Uint8Array =>
  data.map((byte, index) => (index === at ? byte ^ 0xff : byte));
const skippableFrame = Uint8Array.of(0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);

describe("decodeBody", () => {
  const accepted: readonly (readonly [body: string, data: Uint8Array, encoding: string])[] = [
    ["raw protobuf, which begins with a line feed", raw, "none"],
    ["gzip", gzipped, "gzip"],
    ["a recording as a server sent it", recording("mutex", 1), "gzip"],
    ["gzip in several members", join(gzipSync(raw.subarray(0, 100)), gzipSync(raw.subarray(100))), "gzip"],
    ["gzip padded with zeros", join(gzipped, new Uint8Array(7)), "gzip"],
    ["zstd", zstd, "zstd"],
    [
      "zstd in several frames",
      join(zstdCompressSync(raw.subarray(0, 100)), zstdCompressSync(raw.subarray(100))),
      "zstd",
    ],
    ["zstd with a skippable frame before it", join(skippableFrame, zstd), "zstd"],
    ["an LZ4 frame", lz4, "lz4"],
    ["an LZ4 frame with a skippable frame before it", join(skippableFrame, lz4), "lz4"],
    ["gzip on top of gzip", gzipSync(gzipped), "gzip"],
    ["zstd on top of gzip", zstdCompressSync(gzipped), "gzip"],
    ["gzip on top of an LZ4 frame", gzipSync(lz4), "lz4"],
    ["gzip three times over", gzipSync(gzipSync(gzipped)), "gzip"],
  ];
  for (const [body, data, encoding] of accepted) {
    test(`takes ${body}`, () => {
      const decoded = decodeBody(data, maxBytes);
      expect(decoded.encoding).toBe(encoding as "none");
      expect(Buffer.from(decoded.raw).equals(raw)).toBe(true);
    });
  }

  test("returns the very body where it was not compressed", () => {
    expect(decodeBody(raw, maxBytes).raw).toBe(raw);
  });

  const declared: readonly (readonly [contentEncoding: string, data: Uint8Array, encoding: string])[] = [
    ["gzip", gzipped, "gzip"],
    ["gzip", gzipSync(gzipped), "gzip"],
    ["gzip", raw, "none"],
    ["gzip", zstd, "zstd"],
    ["identity", gzipped, "gzip"],
    ["zstd", zstdCompressSync(gzipped), "gzip"],
    ["br", brotliCompressSync(gzipped), "gzip"],
    ["BR", brotliCompressSync(raw), "br"],
    ["br", gzipped, "gzip"],
    ["gzip , br", brotliCompressSync(gzipped), "gzip"],
    ["br, gzip", gzipSync(brotliCompressSync(raw)), "br"],
    ["deflate", deflateSync(gzipped), "gzip"],
    ["deflate", deflateSync(raw), "deflate"],
    ["deflate", raw, "none"],
    ["utf-8", gzipped, "gzip"],
    ["utf-8", raw, "none"],
  ];
  for (const [contentEncoding, data, encoding] of declared) {
    test(`finds ${encoding} innermost under the Content-Encoding "${contentEncoding}" (${data.length} bytes)`, () => {
      const decoded = decodeBody(data, maxBytes, { contentEncoding });
      expect(decoded.encoding).toBe(encoding as "none");
      expect(Buffer.from(decoded.raw).equals(raw)).toBe(true);
    });
  }

  test("hands out the innermost layer as it came", () => {
    for (const body of [gzipped, gzipSync(gzipped), zstdCompressSync(gzipSync(gzipped))])
      expect(Buffer.from(decodeBody(body, maxBytes).body).equals(gzipped)).toBe(true);
    expect(decodeBody(gzipped, maxBytes).body).toBe(gzipped);
    expect(Buffer.from(decodeBody(gzipSync(lz4), maxBytes).body).equals(lz4)).toBe(true);
  });

  test("hands out a layer without the larger buffer it was unpacked into", () => {
    const { body } = decodeBody(zstdCompressSync(gzipped), maxBytes);
    expect(body.buffer.byteLength).toBe(gzipped.length);
  });

  test("takes a profile of exactly the limit", () => {
    for (const body of [raw, gzipped, zstd, lz4, gzipSync(gzipped)])
      expect(decodeBody(body, raw.length).raw.length).toBe(raw.length);
  });

  const long = "<!DOCTYPE html>\n".padEnd(5000, "x");
  const refused: readonly (readonly [body: string, data: Uint8Array, reason: string, message: string | RegExp])[] = [
    ["nothing", new Uint8Array(), "empty", "Cannot read the profile: the response has no body"],
    ["gzip of nothing", gzipSync(""), "empty", "Cannot read the profile: its gzip data holds nothing"],
    ["zstd of nothing", zstdCompressSync(""), "empty", "Cannot read the profile: its zstd data holds nothing"],
    ["only a skippable frame", skippableFrame, "empty", "Cannot read the profile: its zstd data holds nothing"],
    ["gzip that is cut", gzipped.subarray(0, 500), "truncated", /^Cannot read the profile: its gzip data is cut \(/],
    [
      "gzip cut in its header",
      gzipped.subarray(0, 3),
      "truncated",
      /^Cannot read the profile: its gzip data is cut \(/,
    ],
    [
      "gzip cut in its checksum",
      gzipped.subarray(0, -2),
      "truncated",
      /^Cannot read the profile: its gzip data is cut \(/,
    ],
    ["gzip with a cut second member", join(gzipped, gzipped.subarray(0, 50)), "truncated", /its gzip data is cut/],
    [
      "damaged gzip",
      flipped(gzipped, gzipped.length - 6),
      "not_pprof",
      /^Cannot read the profile: its gzip data is damaged \(/,
    ],
    ["gzip followed by something else", join(gzipped, text("hello")), "not_pprof", /its gzip data is damaged/],
    [
      "zstd that is cut",
      zstd.subarray(0, 500),
      "truncated",
      "Cannot read the profile: its zstd data is cut after 500 bytes",
    ],
    [
      "zstd cut in its header",
      zstd.subarray(0, 4),
      "truncated",
      "Cannot read the profile: its zstd data is cut after 4 bytes",
    ],
    ["zstd cut by one byte", zstd.subarray(0, -1), "truncated", /its zstd data is cut/],
    ["zstd with a cut second frame", join(zstd, zstd.subarray(0, 50)), "truncated", /its zstd data is cut/],
    [
      "zstd followed by something else",
      join(zstd, text("hello")),
      "not_pprof",
      /its zstd data goes on with something else at byte \d+$/,
    ],
    [
      "zstd that wants too large a window",
      Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0),
      "not_pprof",
      /its zstd data is damaged/,
    ],
    [
      "gzip above the limit",
      gzipSync(new Uint8Array(maxBytes + 1)),
      "too_large",
      /^Cannot read the profile: it is larger than 976.6KiB; /,
    ],
    ["zstd above the limit", zstdCompressSync(new Uint8Array(maxBytes + 1)), "too_large", /it is larger than 976.6KiB/],
    [
      "zstd above the limit in its frames together",
      join(...Array.from({ length: 3 }, () => zstdCompressSync(new Uint8Array(maxBytes / 2)))),
      "too_large",
      /it is larger than 976.6KiB/,
    ],
    ["raw bytes above the limit", new Uint8Array(maxBytes + 1), "too_large", /it is larger than 976.6KiB/],
    [
      "HTML",
      text("<html><body>Sign in</body></html>"),
      "not_pprof",
      'Cannot read the profile: the response is HTML "<html><body>Sign in</body></html>"; does this path serve pprof?',
    ],
    [
      "long HTML",
      text(long),
      "not_pprof",
      `Cannot read the profile: the response is HTML "${"<!DOCTYPE html> ".padEnd(64, "x")}…"; does this path serve pprof?`,
    ],
    [
      "gzipped HTML",
      gzipSync(" \n<html>"),
      "not_pprof",
      'Cannot read the profile: the response is HTML "<html>"; does this path serve pprof?',
    ],
    [
      "JSON after line feeds",
      text('\n\n{"error": "no"}'),
      "not_pprof",
      'Cannot read the profile: the response is JSON "{"error": "no"}"; does this path serve pprof?',
    ],
    [
      "a sentence",
      text("Could not enable CPU profiling: cpu profiling already in use\n"),
      "not_pprof",
      'Cannot read the profile: the response is the text "Could not enable CPU profiling: cpu profiling already in use"; does this path serve pprof?',
    ],
    [
      "text of more than ASCII, cut inside a character",
      text(`${"ä".repeat(255)} ä`),
      "not_pprof",
      /the response is the text "ää/,
    ],
    [
      "a Go execution trace",
      text("go 1.26 trace\0\0\0"),
      "not_pprof",
      "Cannot read the profile: the response is a Go execution trace; does this path serve pprof?",
    ],
    [
      "a legacy LZ4 frame",
      Uint8Array.of(2, 0x21, 0x4c, 0x18, 0, 0),
      "not_pprof",
      "Cannot read the profile: the response is a legacy LZ4 frame; does this path serve pprof?",
    ],
    [
      "an LZ4 frame that is cut",
      lz4.subarray(0, 500),
      "truncated",
      "Cannot read the profile: its lz4 data is cut after 500 bytes",
    ],
    ["a damaged LZ4 frame", flipped(lz4, 500), "not_pprof", /^Cannot read the profile: its lz4 data is damaged \(/],
    [
      "gzip four times over",
      gzipSync(gzipSync(gzipSync(gzipped))),
      "not_pprof",
      "Cannot read the profile: it is compressed more than 3 times over",
    ],
    [
      "gzip above the limit inside of gzip",
      gzipSync(gzipSync(new Uint8Array(maxBytes + 1))),
      "too_large",
      /it is larger than 976.6KiB/,
    ],
    [
      "a layer above the limit around a small profile",
      gzipSync(join(new Uint8Array(maxBytes), gzipped)),
      "too_large",
      /it is larger than 976.6KiB/,
    ],
    ["gzip of gzip of nothing", gzipSync(gzipSync("")), "empty", /its gzip data holds nothing/],
    ["gzip of gzip that is cut", gzipSync(gzipped.subarray(0, -2)), "truncated", /its gzip data is cut/],
    [
      "other data",
      Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0),
      "not_pprof",
      "Cannot read the profile: the response is other data (0xffd8ffe000); does this path serve pprof?",
    ],
  ];
  for (const [body, data, reason, message] of refused) {
    test(`refuses ${body}`, () => {
      let thrown: unknown;
      try {
        decodeBody(data, maxBytes);
      } catch (caught) {
        thrown = caught;
      }
      const error = thrown as PprofError;
      expect([error.name, error.reason]).toEqual(["PprofError", reason]);
      if (typeof message === "string") expect(error.message).toBe(message);
      else expect(error.message).toMatch(message);
    });
  }
});

describe("decodeBody under a Content-Encoding", () => {
  const refused: readonly (readonly [contentEncoding: string, data: Uint8Array, reason: string, message: RegExp])[] = [
    ["br", brotliCompressSync(new Uint8Array(maxBytes + 1)), "too_large", /it is larger than 976.6KiB/],
    ["deflate", deflateSync(new Uint8Array(maxBytes + 1)), "too_large", /it is larger than 976.6KiB/],
    ["deflate", deflateSync(raw).subarray(0, -3), "truncated", /its deflate data is cut/],
    [
      "br",
      brotliCompressSync("<html>"),
      "not_pprof",
      /the response is HTML "<html>" under the Content-Encoding "br"; /,
    ],
    [
      "x-snappy-framed",
      Uint8Array.of(0xff, 6, 0, 0, 0x73),
      "not_pprof",
      /^Cannot read the profile: the response is other data \(0xff06000073\) under the Content-Encoding "x-snappy-framed"; /,
    ],
  ];
  for (const [contentEncoding, data, reason, message] of refused) {
    test(`"${contentEncoding}" refuses what is ${reason}, ${data.length} bytes`, () => {
      let thrown: unknown;
      try {
        decodeBody(data, maxBytes, { contentEncoding });
      } catch (caught) {
        thrown = caught;
      }
      expect((thrown as PprofError).reason).toBe(reason as "empty");
      expect((thrown as PprofError).message).toMatch(message);
    });
  }
});

test("compress makes gzip that decodes to what was compressed", () => {
  const decoded = decodeBody(compress(raw), maxBytes);
  expect(decoded.encoding).toBe("gzip");
  expect(validate(decoded.raw)).toEqual(validate(raw));
});

test("what is no profile is quoted as it is masked, however long the secret", () => {
  const secret = "s".repeat(2000);
  const masked = (words: string): string => words.replaceAll(secret, "(secret)");
  const page = Buffer.from(`<html>${secret} and more`);
  for (const body of [page, gzipSync(page)])
    expect(() => decodeBody(body, 1_000_000, { masked })).toThrow('HTML "<html>(secret) and more"');
});
