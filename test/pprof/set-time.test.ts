import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { compress, PprofError, setTime, validate } from "../../src/pprof/index.ts";
import { buildProfile, readProfile } from "../support/profile-builder.ts";
import { rawRecording, recordedTypes } from "../support/recordings.ts";

const timeMs = Date.UTC(2031, 5, 7, 8, 9, 10, 123);
const timeNanos = BigInt(timeMs) * 1_000_000n;
const samples = [{ stack: ["leaf", "root"], values: [1, 2] }];
const fieldOf = (nanos: bigint): Uint8Array => new BinaryWriter().tag(9, WireType.Varint).int64(nanos).finish();

/** How many fields number 9 a message has. */
function timeFields(raw: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < raw.length; ) {
    const varint = (): number => {
      let value = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = raw[at++] as number;
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) return value;
      }
    };
    const tag = varint();
    if (tag >> 3 === 9) count += 1;
    if ((tag & 7) === 2) {
      const length = varint();
      at += length;
    } else varint();
  }
  return count;
}

describe("setTime", () => {
  test.each(recordedTypes)("changes the time of a recorded %s profile and nothing else", (type) => {
    const raw = rawRecording(type, 3);
    const before = Uint8Array.from(raw);
    const result = setTime(raw, timeMs);
    expect(readProfile(result)).toEqual({ ...readProfile(raw), timeNanos });
    expect(validate(result)).toEqual({ ...validate(raw), timeMs, rawBytes: result.length });
    expect(raw).toEqual(before);
  });

  const none = buildProfile({ samples });
  const one = buildProfile({ samples, timeNanos: 5n });
  const rows: [title: string, raw: Uint8Array][] = [
    ["none", none],
    ["one", one],
    ["two, at its end", Buffer.concat([one, fieldOf(7n)])],
    ["three, one at its beginning", Buffer.concat([fieldOf(3n), one, fieldOf(7n)])],
    ["a negative one", buildProfile({ samples, timeNanos: -1n })],
  ];
  test.each(rows)("leaves one time where there was %s", (_, raw) => {
    const result = setTime(raw, timeMs);
    expect(timeFields(result)).toBe(1);
    expect(readProfile(result)).toEqual({ ...readProfile(none), timeNanos });
  });

  test.each([0, -5, 0.4])("takes the time away for %d, which is none", (none0) => {
    expect(timeFields(setTime(one, none0))).toBe(0);
  });

  test("throws the room's error for what is no protobuf", () => {
    expect(() => setTime(Uint8Array.of(0x0a, 0xff), timeMs)).toThrow(PprofError);
  });

  // Go is not on every machine that runs the tests.
  const hasGo = spawnSync("go", ["version"]).status === 0;
  test.skipIf(!hasGo)("makes what go tool pprof reads", () => {
    const folder = mkdtempSync(join(tmpdir(), "set-time-"));
    try {
      const file = join(folder, "profile.pb.gz");
      writeFileSync(file, compress(setTime(rawRecording("allocs", 1), timeMs)));
      const { stdout, stderr } = spawnSync("go", ["tool", "pprof", "-raw", file], {
        env: { ...process.env, TZ: "UTC" },
      });
      expect(String(stdout), String(stderr)).toContain("Time: 2031-06-07 08:09:10.123");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
