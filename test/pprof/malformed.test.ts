import { describe, expect, test } from "bun:test";
import { PprofError, validate } from "../../src/pprof/index.ts";
import { bytes, number, packed } from "../support/raw-proto.ts";

const repeated = (byte: number, times: number): number[] => Array.from({ length: times }, () => byte);

// The parts of a small valid profile; each case leaves one out or puts a spoilt one in its place.
const part = {
  sampleType: bytes(1, [...number(1, 1), ...number(2, 2)]),
  sample: bytes(2, [...packed(1, [4]), ...packed(2, [6])]),
  mapping: bytes(3, number(1, 7)),
  location: bytes(4, [...number(1, 4), ...number(2, 7), ...bytes(4, number(1, 9))]),
  function: bytes(5, [...number(1, 9), ...number(2, 1)]),
  strings: ["", "samples", "count"].flatMap((text) => bytes(6, text)),
  header: [] as number[],
};

const profileWith = (spoilt: Partial<typeof part>): Uint8Array => {
  return Uint8Array.from(Object.values({ ...part, ...spoilt }).flat());
};

const cases: readonly (readonly [subject: string, spoilt: Partial<typeof part>, reason: string, message: string])[] = [
  ["no sample type", { sampleType: [] }, "not_pprof", "Cannot read the profile: it has no sample types (byte 0)"],
  [
    "too many sample types",
    { sampleType: Array.from({ length: 101 }, () => part.sampleType).flat() },
    "too_large",
    "Cannot read the profile: it has 101 sample types, more than 100",
  ],
  [
    "too many comments",
    { header: packed(13, repeated(1, 10_001)) },
    "too_large",
    "Cannot read the profile: its header has more than 10000 entries",
  ],
  ["no string table", { strings: [] }, "not_pprof", "Cannot read the profile: it has no string table (byte 34)"],
  [
    "a string table that does not begin with the empty string",
    { strings: [...bytes(6, "ab"), ...bytes(6, "c"), ...bytes(6, "d")] },
    "not_pprof",
    "Cannot read the profile: string_table[0] is not empty but 0x6162 (byte 36)",
  ],
  [
    "a string that is not UTF-8",
    { strings: [...bytes(6, ""), ...bytes(6, [0xc3, 0x28]), ...bytes(6, "d")] },
    "not_pprof",
    "Cannot read the profile: string_table[1] is not UTF-8 but 0xc328 (byte 38)",
  ],
  [
    "a long string that is not UTF-8",
    { strings: [...bytes(6, ""), ...bytes(6, repeated(0xff, 99)), ...bytes(6, "d")] },
    "not_pprof",
    "Cannot read the profile: string_table[1] is not UTF-8 but 0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff… (byte 38)",
  ],
  [
    "a sample type with a dash",
    { strings: ["", "in-use", "count"].flatMap((text) => bytes(6, text)) },
    "not_pprof",
    'Cannot read the profile: sample_type[0] is called "in-use", which has a "-" (byte 2)',
  ],
  [
    "a sample type outside of the string table",
    { sampleType: bytes(1, number(1, 99)) },
    "not_pprof",
    "Cannot read the profile: sample_type[0] has type 99, but the string table has 3 entries (byte 2)",
  ],
  [
    "a unit outside of the string table",
    { sampleType: bytes(1, number(2, -1)) },
    "not_pprof",
    "Cannot read the profile: sample_type[0] has unit -1, but the string table has 3 entries (byte 2)",
  ],
  [
    "a sample type that is a number",
    { sampleType: number(1, 1) },
    "not_pprof",
    "Cannot read the profile: profile has sample_type with wire type 0 instead of 2 (byte 0)",
  ],
  [
    "too few values",
    { sample: bytes(2, packed(1, [4])) },
    "not_pprof",
    "Cannot read the profile: sample[0] has 0 values instead of 1, one per sample type (byte 8)",
  ],
  [
    "too many values",
    { sample: bytes(2, packed(2, [4, 5, 6])) },
    "not_pprof",
    "Cannot read the profile: sample[0] has 3 values instead of 1, one per sample type (byte 8)",
  ],
  [
    "an unknown location",
    { sample: [...part.sample, ...bytes(2, [...packed(1, [4, 2n ** 64n - 1n]), ...packed(2, [6])])] },
    "not_pprof",
    "Cannot read the profile: sample[1] has location_id 18446744073709551615, which no location has (byte 16)",
  ],
  [
    "a location with id 0 in a stack",
    { sample: bytes(2, [...packed(1, [0]), ...packed(2, [6])]) },
    "not_pprof",
    "Cannot read the profile: sample[0] has location_id 0, which no location has (byte 8)",
  ],
  [
    "a packed list of locations that ends inside a number",
    { sample: bytes(2, [0x0a, 1, 0x84, 0x00, 0x12, 1, 6]) },
    "not_pprof",
    "Cannot read the profile: sample[0] has a packed location_id that ends inside a number (byte 8)",
  ],
  [
    "a packed list of values that ends inside a number",
    { sample: bytes(2, [0x12, 1, 0x86, 0x00]) },
    "not_pprof",
    "Cannot read the profile: sample[0] has a packed value that ends inside a number (byte 8)",
  ],
  [
    "a packed list of values that is longer than its sample",
    { sample: bytes(2, [0x12, 5, 1]) },
    "not_pprof",
    "Cannot read the profile: sample[0] has a field of 5 bytes that runs past its end at byte 11 (byte 8)",
  ],
  [
    "values of a wrong wire type",
    { sample: bytes(2, [0x15, 1, 0, 0, 0]) },
    "not_pprof",
    "Cannot read the profile: sample[0] has value with wire type 5 instead of 0 (byte 8)",
  ],
  [
    "locations of a wrong wire type",
    { sample: bytes(2, [0x09, 1, 0, 0, 0, 0, 0, 0, 0]) },
    "not_pprof",
    "Cannot read the profile: sample[0] has location_id with wire type 1 instead of 0 (byte 8)",
  ],
  [
    "a label that is a number",
    { sample: bytes(2, [...packed(2, [6]), ...number(3, 1)]) },
    "not_pprof",
    "Cannot read the profile: sample[0] has label with wire type 0 instead of 2 (byte 11)",
  ],
  [
    "a label's key outside of the string table",
    { sample: bytes(2, [...packed(2, [6]), ...bytes(3, number(1, 3))]) },
    "not_pprof",
    "Cannot read the profile: label of sample[0] has key 3, but the string table has 3 entries (byte 13)",
  ],
  [
    "a label's text outside of the string table",
    { sample: bytes(2, [...packed(2, [6]), ...bytes(3, number(2, 3))]) },
    "not_pprof",
    "Cannot read the profile: label of sample[0] has str 3, but the string table has 3 entries (byte 13)",
  ],
  [
    "a label's unit outside of the string table",
    { sample: bytes(2, [...packed(2, [6]), ...bytes(3, number(4, 3))]) },
    "not_pprof",
    "Cannot read the profile: label of sample[0] has num_unit 3, but the string table has 3 entries (byte 13)",
  ],
  [
    "a label's number of a wrong wire type",
    { sample: bytes(2, [...packed(2, [6]), ...bytes(3, bytes(3, ""))]) },
    "not_pprof",
    "Cannot read the profile: label of sample[0] has num with wire type 2 instead of 0 (byte 13)",
  ],
  [
    "a mapping with id 0",
    { mapping: [...part.mapping, ...bytes(3, number(1, 0))] },
    "not_pprof",
    "Cannot read the profile: mapping[1] has id 0, but ids begin at 1 (byte 20)",
  ],
  [
    "two mappings of one id",
    { mapping: [...part.mapping, ...part.mapping] },
    "not_pprof",
    "Cannot read the profile: mapping[1] has id 7, which an earlier one has already (byte 20)",
  ],
  [
    "a mapping's file outside of the string table",
    { mapping: bytes(3, number(5, 3)) },
    "not_pprof",
    "Cannot read the profile: mapping[0] has filename 3, but the string table has 3 entries (byte 16)",
  ],
  [
    "a mapping's build id outside of the string table",
    { mapping: bytes(3, number(6, 3)) },
    "not_pprof",
    "Cannot read the profile: mapping[0] has build_id 3, but the string table has 3 entries (byte 16)",
  ],
  [
    "a mapping's start of a wrong wire type",
    { mapping: bytes(3, bytes(2, "x")) },
    "not_pprof",
    "Cannot read the profile: mapping[0] has memory_start with wire type 2 instead of 0 (byte 16)",
  ],
  [
    "a location without an id",
    { location: [...part.location, ...bytes(4, [])] },
    "not_pprof",
    "Cannot read the profile: location[1] has id 0, but ids begin at 1 (byte 30)",
  ],
  [
    "two locations of one id",
    { location: [...part.location, ...part.location] },
    "not_pprof",
    "Cannot read the profile: location[1] has id 4, which an earlier one has already (byte 38)",
  ],
  [
    "an unknown mapping",
    { location: bytes(4, [...number(1, 4), ...number(2, 8)]) },
    "not_pprof",
    "Cannot read the profile: location[0] has mapping_id 8, which no mapping has (byte 22)",
  ],
  [
    "an unknown function",
    { location: bytes(4, [...number(1, 4), ...bytes(4, number(1, 8))]) },
    "not_pprof",
    "Cannot read the profile: line of location[0] has function_id 8, which no function has (byte 24)",
  ],
  [
    "a line without a function",
    { location: bytes(4, [...number(1, 4), ...bytes(4, number(2, 8))]) },
    "not_pprof",
    "Cannot read the profile: line of location[0] has function_id 0, which no function has (byte 24)",
  ],
  [
    "a line that is a number",
    { location: bytes(4, [...number(1, 4), ...number(4, 8)]) },
    "not_pprof",
    "Cannot read the profile: location[0] has line with wire type 0 instead of 2 (byte 22)",
  ],
  [
    "an address of a wrong wire type",
    { location: bytes(4, [...number(1, 4), ...bytes(3, "x")]) },
    "not_pprof",
    "Cannot read the profile: location[0] has address with wire type 2 instead of 0 (byte 22)",
  ],
  [
    "a function with id 0",
    { function: [...part.function, ...bytes(5, number(2, 1))] },
    "not_pprof",
    "Cannot read the profile: function[1] has id 0, but ids begin at 1 (byte 36)",
  ],
  [
    "two functions of one id",
    { function: [...part.function, ...part.function] },
    "not_pprof",
    "Cannot read the profile: function[1] has id 9, which an earlier one has already (byte 38)",
  ],
  [
    "a function's name outside of the string table",
    { function: bytes(5, [...number(1, 9), ...number(2, 2n ** 40n)]) },
    "not_pprof",
    "Cannot read the profile: function[0] has name 1099511627776, but the string table has 3 entries (byte 32)",
  ],
  [
    "a function's file outside of the string table",
    { function: bytes(5, [...number(1, 9), ...number(4, 3)]) },
    "not_pprof",
    "Cannot read the profile: function[0] has filename 3, but the string table has 3 entries (byte 32)",
  ],
  [
    "a period type outside of the string table",
    { header: bytes(11, number(1, 3)) },
    "not_pprof",
    "Cannot read the profile: period_type has type 3, but the string table has 3 entries (byte 54)",
  ],
  [
    "a period type that runs past its end",
    { header: bytes(11, [0x08]) },
    "not_pprof",
    "Cannot read the profile: period_type has a number that runs past its end at byte 55 (byte 54)",
  ],
  [
    "a comment outside of the string table",
    { header: number(13, 3) },
    "not_pprof",
    "Cannot read the profile: profile has comment 3, but the string table has 3 entries (byte 52)",
  ],
  [
    "a packed comment outside of the string table",
    { header: packed(13, [1, 3]) },
    "not_pprof",
    "Cannot read the profile: profile has comment 3, but the string table has 3 entries (byte 52)",
  ],
  [
    "a default sample type outside of the string table",
    { header: number(14, 3) },
    "not_pprof",
    "Cannot read the profile: profile has default_sample_type 3, but the string table has 3 entries (byte 52)",
  ],
  [
    "a time of a wrong wire type",
    { header: bytes(9, "x") },
    "not_pprof",
    "Cannot read the profile: profile has time_nanos with wire type 2 instead of 0 (byte 52)",
  ],
  [
    "a group",
    { header: [...number(200, 1), 0xcb, 0x0c, 0xcc, 0x0c] },
    "not_pprof",
    "Cannot read the profile: profile has field 201 with wire type 3, which pprof does not use (byte 55)",
  ],
  [
    "a wire type that does not exist",
    { header: [0x87, 0x08] },
    "not_pprof",
    "Cannot read the profile: profile has field 128 with wire type 7, which pprof does not use (byte 52)",
  ],
  [
    "field number 0",
    { header: [0x00, 0x00] },
    "not_pprof",
    "Cannot read the profile: profile has an impossible field tag 0 (byte 52)",
  ],
  [
    "a tag above 32 bits",
    { header: [0xff, 0xff, 0xff, 0xff, 0xff, 0x01] },
    "not_pprof",
    "Cannot read the profile: profile has an impossible field tag 68719476735 (byte 52)",
  ],
  [
    "a number of eleven bytes",
    { header: [0x48, ...repeated(0x80, 10), 1] },
    "not_pprof",
    "Cannot read the profile: profile has a number of more than 10 bytes (byte 52)",
  ],
  [
    "a number that is cut",
    { header: [0x48, 0x80] },
    "truncated",
    "Cannot read the profile: it ends at byte 54 inside a number (byte 52); was the response cut?",
  ],
  [
    "a string that is cut",
    { header: [0x32, 5, 1] },
    "truncated",
    "Cannot read the profile: it ends at byte 55 inside a field of 5 bytes (byte 52); was the response cut?",
  ],
  [
    "a length of 64 bits",
    { header: [0x32, ...repeated(0xff, 9), 1] },
    "not_pprof",
    "Cannot read the profile: profile has a field of 18446744073709551615 bytes (byte 52)",
  ],
  [
    "a fixed number that is cut",
    { header: [0xc9, 0x0c, 1] },
    "truncated",
    "Cannot read the profile: it ends at byte 55 inside a field of 8 bytes (byte 52); was the response cut?",
  ],
];

describe("validate refuses", () => {
  for (const [subject, spoilt, reason, message] of cases) {
    test(subject, () => {
      let thrown: unknown;
      try {
        validate(profileWith(spoilt));
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(PprofError);
      const { reason: actual, message: text } = thrown as PprofError;
      expect([actual, text]).toEqual([reason, message]);
    });
  }

  test("no bytes", () => {
    expect(() => validate(new Uint8Array())).toThrow(
      new PprofError("empty", "Cannot read the profile: it has no bytes"),
    );
  });
});

test("the profile that the cases spoil is valid", () => {
  expect(validate(profileWith({}))).toMatchObject({ samples: 1 });
});
