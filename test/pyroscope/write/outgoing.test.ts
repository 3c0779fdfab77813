import { describe, expect, test } from "bun:test";
import { parse } from "valibot";
import { labelsOf, labelValue, type Labels, type Profile } from "../../../src/model/index.ts";
import { compress, decodeBody, validate } from "../../../src/pprof/index.ts";
import { writeArguments } from "../../../src/pyroscope/write/arguments.ts";
import { explainOutgoing } from "../../../src/pyroscope/write/explain-outgoing.ts";
import { outgoingOf } from "../../../src/pyroscope/write/outgoing.ts";
import { prepareRules } from "../../../src/relabel/index.ts";
import { buildProfile } from "../../support/profile-builder.ts";

await prepareRules({ rule: { regex: "needs[the]engine" } });

const series = labelsOf({ __name__: "process_cpu", __delta__: "false", __meta_pod: "x", job: "a", instance: "h:1" });

function outgoing(written: Record<string, unknown>) {
  return outgoingOf(parse(writeArguments, written));
}

function profileOf(raw: Uint8Array, labels: Labels = series): Profile {
  return { id: "1", labels, data: compress(raw), info: validate(raw), scrapedAtMs: 0 };
}

describe("what pyroscope.write pushes", () => {
  test("is the profile with external labels where there is no rule, its data untouched", () => {
    const profile = profileOf(buildProfile({ samples: [{ stack: ["main"], values: [1, 2] }] }));
    const result = outgoing({ external_labels: { env: "x" } }).profile(profile);
    expect(result?.data).toBe(profile.data);
    expect(result?.labels).toEqual(
      labelsOf({ __name__: "process_cpu", __delta__: "false", env: "x", job: "a", instance: "h:1" }),
    );
  });

  test("has been through the rules, which see the external labels", () => {
    const rule = [
      { source_labels: ["env", "job"], separator: "/", target_label: "service" },
      { action: "labeldrop", regex: "instance|env" },
      { source_labels: "service", regex: "(..*)", target_label: "__tmp" },
      { source_labels: "service", target_label: "of_$1", replacement: "made legal" },
    ];
    expect(outgoing({ external_labels: { env: "x" }, rule }).labels(series)).toEqual(
      labelsOf({ __name__: "process_cpu", __delta__: "false", job: "a", of_x_a: "made legal", service: "x/a" }),
    );
  });

  test("is nothing where a rule drops the profile", () => {
    const rule = { action: "drop", source_labels: "__name__", regex: "process_cpu" };
    expect(outgoing({ rule }).labels(series)).toBeUndefined();
    expect(outgoing({ rule }).profile(profileOf(buildProfile()))).toBeUndefined();
  });

  test("must still have a profile type", () => {
    const rule = { action: "labeldrop", regex: "__name__" };
    expect(() => outgoing({ rule }).labels(series)).toThrow('"__name__", the profile type, is missing');
  });

  test.each([
    { action: "labelkeep", regex: "__name__|job" },
    { action: "labeldrop", regex: "__delta__|instance" },
    { target_label: "__delta__", replacement: "true" },
    { target_label: "__delta__", replacement: "" },
    { action: "labelmap", regex: "job", replacement: "__delta__" },
  ])("keeps __delta__ where it is there, so that no server subtracts again: %j", (rule) => {
    expect(labelValue(outgoing({ rule }).labels(series) ?? [], "__delta__")).toBe("false");
  });

  test("may be marked as deltas by a rule", () => {
    const rule = { target_label: "__delta__", replacement: "false" };
    const labels = outgoing({ rule }).labels(labelsOf({ __name__: "custom" }));
    expect(labels).toEqual(labelsOf({ __name__: "custom", __delta__: "false" }));
  });

  test("is explained with __delta__ too", () => {
    const args = parse(writeArguments, { rule: { action: "labelkeep", regex: "__name__" } });
    const { labels, steps } = explainOutgoing(series, args);
    expect(labels).toEqual(outgoingOf(args).labels(series) as Labels);
    expect(steps.at(-1)?.after).toEqual(labelsOf({ __name__: "process_cpu", __delta__: "false" }));
  });

  test("has the same labels again for the same labels", () => {
    const made = outgoing({ rule: { target_label: "zone", replacement: "eu" } });
    expect(made.labels(series)).toBe(made.labels(series));
  });
});

const sampleRule = (rule: Record<string, unknown>) => outgoing({ rule: { scope: "sample", ...rule } });

const raw = buildProfile({
  sampleTypes: ["cpu/nanoseconds"],
  samples: [
    { stack: ["work"], values: [10], labels: { user: "ada", route: "/a" } },
    { stack: ["rest"], values: [20], labels: { user: "bob", size: 7 } },
    { stack: ["idle"], values: [40] },
  ],
});

describe("rules on the samples of what is pushed", () => {
  test("take a label out of the profile, and leave those of the series alone", () => {
    const result = sampleRule({ action: "labeldrop", regex: "user" }).profile(profileOf(raw));
    const text = Buffer.from(decodeBody(result?.data ?? new Uint8Array(), 1e6).raw).toString("latin1");
    expect(text).not.toMatch(/user|ada|bob/);
    expect(text).toMatch(/route/);
    expect(result?.info.samples).toBe(3);
    expect(result?.labels).toEqual(outgoing({}).labels(series) as Labels);
  });

  test("drop samples, and count those that are left", () => {
    const result = sampleRule({ action: "drop", source_labels: "user", regex: "ada" }).profile(profileOf(raw));
    expect(result?.info.samples).toBe(2);
    expect(result?.info.rawBytes).toBe(decodeBody(result?.data ?? new Uint8Array(), 1e6).raw.length);
  });

  test("that leave no sample drop the profile", () => {
    expect(
      sampleRule({ action: "keep", source_labels: "user", regex: "nobody" }).profile(profileOf(raw)),
    ).toBeUndefined();
  });

  test("leave the bytes of a profile alone that they do not change", () => {
    const profile = profileOf(raw);
    expect(sampleRule({ action: "labeldrop", regex: "trace_id" }).profile(profile)?.data).toBe(profile.data);
  });

  test("do not see the labels of the series", () => {
    const profile = profileOf(raw);
    expect(sampleRule({ action: "drop", source_labels: "job", regex: "a" }).profile(profile)?.data).toBe(profile.data);
  });
});
