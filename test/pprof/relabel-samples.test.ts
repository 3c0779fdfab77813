import { describe, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ProfileSchema } from "../../src/gen/google/v1/profile_pb.ts";
import { type RelabelledSamples, relabelSamples, type SampleLabels, validate } from "../../src/pprof/index.ts";
import { rawRecording, recordingNumbers } from "../support/recordings.ts";
import { buildProfile } from "../support/profile-builder.ts";

const profile = buildProfile({
  sampleTypes: ["cpu/nanoseconds"],
  samples: [
    { stack: ["main", "work"], values: [10], labels: { user: "ada", zone: "eu" } },
    { stack: ["main", "rest"], values: [20], labels: { user: "bob", bytes: 512 } },
    { stack: ["main"], values: [30], labels: { user: "ada", zone: "eu" } },
    { stack: ["idle"], values: [40] },
  ],
});

function relabelled(raw: Uint8Array, rewrite: (labels: SampleLabels) => SampleLabels | undefined): RelabelledSamples {
  return relabelSamples(raw, { rewrite, maxBytes: 1e6 });
}

/** Values and labels of every sample, as protobuf-es reads them. */
function samplesOf(raw: Uint8Array) {
  const { sample, stringTable } = fromBinary(ProfileSchema, raw);
  return sample.map(({ value, label }) => ({
    value: Number(value[0]),
    labels: Object.fromEntries(
      label.map(({ key, str, num }) => [stringTable[Number(key)], str > 0n ? stringTable[Number(str)] : Number(num)]),
    ),
  }));
}

function stringsOf(raw: Uint8Array): readonly string[] {
  return fromBinary(ProfileSchema, raw).stringTable;
}

/** One sample with the labels k=a and k=b. */
function withLabelTwice(): Uint8Array {
  return toBinary(
    ProfileSchema,
    create(ProfileSchema, {
      stringTable: ["", "cpu", "nanoseconds", "k", "a", "b"],
      sampleType: [{ type: 1n, unit: 2n }],
      sample: [
        {
          value: [5n],
          label: [
            { key: 3n, str: 4n },
            { key: 3n, str: 5n },
          ],
        },
      ],
    }),
  );
}

const without = (name: string) => (labels: SampleLabels) => new Map([...labels].filter(([key]) => key !== name));

describe("relabelling the samples of a profile", () => {
  test("leaves the very input where nothing changes", () => {
    expect(relabelled(profile, (labels) => labels)).toEqual({ raw: profile, samples: 4, dropped: 0 });
    expect(relabelled(profile, (labels) => new Map(labels)).raw).toBe(profile);
  });

  test("takes a label away and leaves the others, values and numbers alone", () => {
    const { raw, samples } = relabelled(profile, without("user"));
    expect(samples).toBe(4);
    expect(samplesOf(raw)).toEqual([
      { value: 10, labels: { zone: "eu" } },
      { value: 20, labels: { bytes: 512 } },
      { value: 30, labels: { zone: "eu" } },
      { value: 40, labels: {} },
    ]);
    expect(validate(raw).samples).toBe(4);
  });

  test("keeps every value of a name that a sample has twice, unless a rule changes that name", () => {
    const raw = withLabelTwice();
    const labelsOf = (rewrite: (labels: SampleLabels) => SampleLabels): readonly string[] => {
      const { sample, stringTable } = fromBinary(ProfileSchema, relabelled(raw, rewrite).raw);
      return (sample[0]?.label ?? []).map(({ key, str }) => `${stringTable[Number(key)]}=${stringTable[Number(str)]}`);
    };
    expect(labelsOf((labels) => new Map([...labels, ["zone", "eu"]]))).toEqual(["k=a", "k=b", "zone=eu"]);
    expect(labelsOf((labels) => new Map([...labels, ["k", "c"]]))).toEqual(["k=c"]);
    expect(labelsOf(() => new Map([["zone", "eu"]]))).toEqual(["zone=eu"]);
  });

  test("leaves no trace of a text that nothing refers to any more", () => {
    const strings = stringsOf(relabelled(profile, without("user")).raw);
    for (const gone of ["user", "ada", "bob"]) expect(strings).not.toContain(gone);
    for (const left of ["zone", "eu", "bytes", "main", "work"]) expect(strings).toContain(left);
  });

  test("keeps a text that a function has too", () => {
    const raw = buildProfile({ samples: [{ stack: ["main"], values: [1, 1], labels: { main: "cpu" } }] });
    const result = relabelled(raw, () => new Map());
    expect(stringsOf(result.raw)).toContain("main");
    expect(stringsOf(result.raw)).not.toContain("cpu");
  });

  test("renames labels and writes texts that were not there", () => {
    const { raw } = relabelled(profile, (labels) => {
      const user = labels.get("user");
      return user === undefined ? labels : new Map([["customer", `${user}-1`]]);
    });
    expect(samplesOf(raw).map(({ labels }) => labels)).toEqual([
      { customer: "ada-1" },
      { customer: "bob-1", bytes: 512 },
      { customer: "ada-1" },
      {},
    ]);
  });

  test("drops samples, and says how many", () => {
    const { raw, samples, dropped } = relabelled(profile, (labels) =>
      labels.get("user") === "ada" ? undefined : labels,
    );
    expect([samples, dropped]).toEqual([2, 2]);
    expect(samplesOf(raw).map(({ value }) => value)).toEqual([20, 40]);
  });

  test("asks once for each label set", () => {
    let asked = 0;
    relabelled(profile, (labels) => {
      asked++;
      return labels;
    });
    expect(asked).toBe(3);
  });

  test("holds against recorded profiles", () => {
    for (const number of recordingNumbers) {
      const raw = rawRecording("profile", number);
      const before = samplesOf(raw);
      const { raw: after } = relabelled(raw, (labels) => new Map([...labels, ["added", "x"]]));
      expect(validate(after).samples).toBe(before.length);
      expect(samplesOf(after)).toEqual(
        before.map(({ value, labels }) => ({ value, labels: { ...labels, added: "x" } })),
      );
    }
  });

  test("refuses to let a profile grow without end", () => {
    const rewrite = () => new Map([["note", "x".repeat(1000)]]);
    const maxBytes = profile.length + 500;
    expect(() => relabelSamples(profile, { rewrite, maxBytes })).toThrow(`larger than ${maxBytes}`);
  });

  test("refuses what is no profile", () => {
    for (let length = 1; length < profile.length; length++) {
      const cut = profile.subarray(0, length);
      let message = "";
      try {
        validate(cut);
      } catch (error) {
        message = String(error);
      }
      if (message !== "") expect(() => relabelled(cut, without("user"))).toThrow();
    }
  });
});
