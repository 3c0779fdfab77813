import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  clampNegatives,
  computeDelta,
  decodeBody,
  merge,
  PprofError,
  relabelSamples,
  validate,
} from "../../src/pprof/index.ts";
import { readProfile } from "../support/profile-builder.ts";
import { rawRecording, recordedTypes, recording } from "../support/recordings.ts";

const cumulative = ["alloc_space/bytes", "contentions/count", "delay/nanoseconds"];
// Small ones, so that a bounded time covers many mutations.
const seeds = recordedTypes.map((type) => rawRecording(type, 6).subarray(0, 30_000));
const whole = [rawRecording("mutex", 1), rawRecording("goroutine", 1)];
const timeLimit = { interruptAfterTimeLimit: 1500, numRuns: 100_000 };

/** Runs `read`; false where it refused its input, and an error where it threw anything but the room's own. */
function survives(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (thrown) {
    if (thrown instanceof PprofError && thrown.message.length < 400) return false;
    throw thrown;
  }
}

function survivesAll(raw: Uint8Array): void {
  const accepted = survives(() => validate(raw));
  expect(survives(() => clampNegatives(raw))).toBe(accepted);
  const delta = () => computeDelta(raw, { cumulative, baseline: undefined, maxBaselineBytes: 100_000 });
  expect(survives(delta)).toBe(accepted);
  expect(survives(() => merge([raw]))).toBe(accepted);
  const labelled = () => relabelSamples(raw, { rewrite: (labels) => new Map([...labels, ["a", "x"]]), maxBytes: 1e7 });
  expect(survives(labelled) || !accepted).toBe(true);
  if (!accepted) return;
  validate(labelled().raw);
  validate(merge([raw]));
  const { raw: written, next } = delta();
  if (written) validate(written);
  const again = computeDelta(raw, { cumulative, baseline: next, maxBaselineBytes: 100_000 });
  if (next) expect(again.outcome).toBe("delta");
  readProfile(raw);
}

const mutation = fc.record({
  seed: fc.constantFrom(...whole, ...seeds),
  edits: fc.array(fc.record({ at: fc.nat(), remove: fc.nat({ max: 3 }), insert: fc.uint8Array({ maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 4,
  }),
});

function mutated({ seed, edits }: typeof mutation extends fc.Arbitrary<infer T> ? T : never): Uint8Array {
  let bytes = seed;
  for (const { at, remove, insert } of edits) {
    const start = at % bytes.length;
    bytes = Uint8Array.from(Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + remove)]));
  }
  return bytes;
}

describe("the pprof room throws nothing but PprofError", () => {
  test("on arbitrary bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survivesAll), timeLimit);
  });

  test("on arbitrary bodies", () => {
    const magic = fc.constantFrom(
      [0x1f, 0x8b, 8],
      [0x28, 0xb5, 0x2f, 0xfd],
      [0x50, 0x2a, 0x4d, 0x18],
      [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82],
      [0x78, 0x9c],
      [],
    );
    const body = fc
      .tuple(magic, fc.uint8Array({ maxLength: 100 }))
      .map(([start, rest]) => Uint8Array.from([...start, ...rest]));
    const coding = fc.option(fc.constantFrom("gzip", "br", "deflate, br", ",", "deflate"), { nil: undefined });
    fc.assert(
      fc.property(
        body,
        coding,
        (bytes, contentEncoding) => void survives(() => decodeBody(bytes, 1000, { contentEncoding })),
      ),
      timeLimit,
    );
  });

  test("on recordings with a few bytes changed", () => {
    fc.assert(fc.property(mutation.map(mutated), survivesAll), { ...timeLimit, interruptAfterTimeLimit: 4000 });
  });

  test("on gzipped recordings with a few bytes changed", () => {
    const body = mutation.map(({ edits }) => mutated({ seed: recording("mutex", 1), edits }));
    fc.assert(
      fc.property(body, (bytes) => void survives(() => decodeBody(bytes, 50_000))),
      timeLimit,
    );
  });

  test("on a recording cut at any byte", () => {
    const raw = rawRecording("mutex", 1);
    for (let length = 0; length < raw.length; length += 7)
      expect(survives(() => validate(raw.subarray(0, length)))).toBe(false);
  });
});
