import { describe, expect, test } from "bun:test";
import { toBinary } from "@bufbuild/protobuf";
import { ProfileSchema } from "../../src/gen/google/v1/profile_pb.ts";
import { buildMessage, readProfile } from "../support/profile-builder.ts";
import { heapTypes, profileOf, scraper } from "./scraper.ts";

describe("the profile that computeDelta writes", () => {
  test.each([
    ["the time since the last profile", 5_000_000_001, 20_000_000_002, 15_000_000_001n],
    [
      "an hour where its time jumped, as a clock that is set does",
      5_000_000_000,
      1_800_000_000_000_000_000n,
      3600n * 10n ** 9n,
    ],
    ["its own duration where its time went back", 20e9, 5e9, 3n],
    ["its own duration where it has no time", 20e9, 0, 3n],
    ["its own duration where the last one had no time", 0, 20e9, 3n],
  ])("declares %s", (_, before, now, duration) => {
    const scrape = scraper();
    scrape(profileOf({ a: 1 }, { timeNanos: before }));
    const { raw } = scrape(profileOf({ a: 2 }, { timeNanos: now, durationNanos: 3 }));
    expect(readProfile(raw as Uint8Array)).toMatchObject({ timeNanos: BigInt(now), durationNanos: duration });
  });

  test("keeps the header and the mappings, and of the tables what the samples use", () => {
    const message = buildMessage({
      sampleTypes: heapTypes,
      samples: ["a", "b", "c"].map((name) => ({
        stack: [name, "main"],
        values: [1, 1, 1, 1],
        labels: { [`of_${name}`]: "x" },
      })),
      buildId: "build-1",
      timeNanos: 1e9,
    });
    const string = (text: string) => BigInt(message.stringTable.push(text) - 1);
    message.periodType = { $typeName: "google.v1.ValueType", type: string("space"), unit: string("bytes-of-period") };
    Object.assign(message, { period: 524288n, dropFrames: string("drop"), keepFrames: string("keep") });
    Object.assign(message, {
      comment: [string("one"), string("two")],
      defaultSampleType: message.sampleType[1]?.type,
      docUrl: string("doc"),
    });
    message.mapping.push({
      ...(message.mapping[0] as (typeof message.mapping)[0]),
      id: 2n,
      filename: string("/lib/other"),
    });
    const scrape = scraper();
    scrape(toBinary(ProfileSchema, message));
    for (const [index, sample] of message.sample.entries())
      sample.value = index === 1 ? [2n, 2n, 0n, 0n] : [1n, 1n, 0n, 0n];
    const written = readProfile(scrape(toBinary(ProfileSchema, message)).raw as Uint8Array);

    const unused = new Set(["a", "c", "of_a", "of_c"]);
    expect(written).toEqual({
      ...message,
      sample: [{ ...(message.sample[1] as (typeof message.sample)[0]), value: [1n, 1n, 0n, 0n] }],
      location: message.location.filter(({ id }) => message.sample[1]?.locationId.includes(id)),
      function: message.function.filter(({ name }) =>
        ["b", "main"].includes(message.stringTable[Number(name)] as string),
      ),
      stringTable: message.stringTable.map((text) => (unused.has(text) ? "" : text)),
    });
  });

  test("drops unknown fields of the outermost level, which may point into the tables", () => {
    const scrape = scraper();
    scrape(profileOf({ a: 1 }));
    const raw = profileOf({ a: 2 });
    const { raw: plain } = scrape(raw);
    const other = scraper();
    other(profileOf({ a: 1 }));
    const { raw: stripped } = other(Uint8Array.from([...raw, 0xa0, 0x06, 5]));
    expect(stripped).toEqual(plain as Uint8Array);
  });
});
