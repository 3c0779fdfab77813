import { describe, expect, test } from "bun:test";
import { computeDelta, validate } from "../../src/pprof/index.ts";
import { readTables } from "../../src/pprof/profile-tables.ts";
import { labelWords, SampleReader } from "../../src/pprof/sample-reader.ts";
import type { Profile } from "../../src/gen/google/v1/profile_pb.ts";
import { buildProfile, readProfile } from "../support/profile-builder.ts";
import { bytes, number, packed } from "../support/raw-proto.ts";
import { rawRecording, recordedTypes, recordingNumbers } from "../support/recordings.ts";

const signed = (lo: number, hi: number): bigint => BigInt.asIntN(64, (BigInt(hi) << 32n) | BigInt(lo));

/** What the hand-written reader makes of a profile, in the shape of protobuf-es. */
function handRead(raw: Uint8Array): unknown {
  const tables = readTables(raw);
  const reader = new SampleReader(tables);
  return Array.from({ length: tables.samples.count }, (_, index) => {
    reader.read(index);
    return {
      addresses: Array.from(reader.locations.subarray(0, reader.depth), (at) =>
        BigInt.asUintN(64, signed(tables.addressLo[at] as number, tables.addressHi[at] as number)),
      ),
      values: Array.from(reader.valueLo, (lo, column) => signed(lo, reader.valueHi[column] as number)),
      labels: [...Array(reader.labelCount).keys()].map((label) => {
        const [key, str, lo, hi, unit] = [...reader.labels.subarray(label * labelWords, (label + 1) * labelWords)];
        return [key, str, signed(lo as number, hi as number), unit];
      }),
    };
  });
}

function referenceRead(profile: Profile): unknown {
  const addresses = new Map(profile.location.map(({ id, address }) => [id, address]));
  return profile.sample.map(({ locationId, value, label }) => ({
    addresses: locationId.map((id) => addresses.get(id)),
    values: value,
    labels: label.map(({ key, str, num, numUnit }) => [Number(key), Number(str), num, Number(numUnit)]),
  }));
}

describe("the pprof reader", () => {
  for (const recorded of recordedTypes) {
    test(`reads the recorded ${recorded} profiles as protobuf-es does`, () => {
      for (const index of recordingNumbers) {
        const raw = rawRecording(recorded, index);
        const reference = readProfile(raw);
        expect(handRead(raw)).toEqual(referenceRead(reference));
        expect(validate(raw)).toEqual({
          sampleTypes: reference.sampleType.map(({ type, unit }) => ({
            type: reference.stringTable[Number(type)] as string,
            unit: reference.stringTable[Number(unit)] as string,
          })),
          samples: reference.sample.length,
          timeMs: Number(reference.timeNanos) / 1e6,
          durationMs: Number(reference.durationNanos) / 1e6,
          rawBytes: raw.length,
        });
      }
    });
  }

  test("keeps all 64 bits of values, addresses and labels", () => {
    const raw = buildProfile({
      sampleTypes: ["alloc_objects/count"],
      samples: [
        { stack: [0xffff_ffff_ffff_fff1n], values: [2n ** 63n - 1n], labels: { bytes: -(2n ** 63n) } },
        { stack: [1], values: [2n ** 53n + 1n] },
        { stack: [2], values: [-1n] },
      ],
    });
    expect(handRead(raw)).toEqual(referenceRead(readProfile(raw)));
  });

  test("takes repeated numbers packed and unpacked", () => {
    const strings = ["", "samples", "count"].flatMap((text) => bytes(6, text));
    const locations = [1, 2].flatMap((id) => bytes(4, number(1, id)));
    const head = bytes(1, [...number(1, 1), ...number(2, 2)]);
    const samples = [
      [...packed(1, [1, 2]), ...packed(2, [300])],
      [...number(1, 1), ...number(1, 2), ...number(2, 300)],
      [...packed(1, [1]), ...number(1, 2), ...packed(2, []), ...number(2, 300)],
    ].flatMap((sample) => bytes(2, sample));
    const raw = Uint8Array.from([
      ...head,
      ...samples,
      ...locations,
      ...strings,
      ...packed(13, [1, 2]),
      ...number(13, 1),
    ]);
    const row = { addresses: [0n, 0n], values: [300n], labels: [] };
    expect(handRead(raw)).toEqual([row, row, row]);
  });

  test("passes over unknown fields at every level", () => {
    const fixed64 = [0xc9, 0x0c, 1, 2, 3, 4, 5, 6, 7, 8];
    const fixed32 = [0xd5, 0x0c, 1, 2, 3, 4];
    const unknown = [...number(200, 5), ...bytes(201, "x"), ...fixed64, ...fixed32];
    const strings = ["", "samples", "count"].flatMap((text) => bytes(6, text));
    const line = bytes(4, [...number(1, 9), ...unknown]);
    const raw = Uint8Array.from([
      ...unknown,
      ...bytes(1, [...number(1, 1), ...number(2, 2), ...unknown]),
      ...bytes(2, [...packed(1, [4]), ...packed(2, [6]), ...bytes(3, [...number(1, 1), ...unknown]), ...unknown]),
      ...bytes(3, [...number(1, 7), ...unknown]),
      ...bytes(4, [...number(1, 4), ...number(2, 7), ...line, ...unknown]),
      ...bytes(5, [...number(1, 9), ...unknown]),
      ...strings,
      ...bytes(11, unknown),
    ]);
    expect(validate(raw)).toMatchObject({ samples: 1, sampleTypes: [{ type: "samples", unit: "count" }] });
  });

  test("finds a profile without samples valid", () => {
    expect(validate(buildProfile())).toMatchObject({ samples: 0, timeMs: 0, durationMs: 0 });
  });

  test("finds ids of any size and order", () => {
    const strings = ["", "samples", "count"].flatMap((text) => bytes(6, text));
    const ids = [2n ** 64n - 1n, 1n, 2n ** 32n, 2n ** 32n + 1n];
    const raw = Uint8Array.from([
      ...bytes(1, [...number(1, 1), ...number(2, 2)]),
      ...bytes(2, [...packed(1, ids), ...packed(2, [6])]),
      ...ids.toReversed().flatMap((id) => bytes(4, [...number(1, id), ...number(3, id)])),
      ...strings,
    ]);
    expect(handRead(raw)).toEqual([{ addresses: ids, values: [6n], labels: [] }]);
  });

  test("does not change its input", () => {
    const raw = rawRecording("allocs", 1);
    const copy = raw.slice();
    validate(raw);
    computeDelta(raw, { cumulative: ["alloc_space/bytes"], baseline: undefined, maxBaselineBytes: 1e6 });
    expect(raw).toEqual(copy);
  });
});
