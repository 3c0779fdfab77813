import { describe, expect, test } from "bun:test";
import { type Labels, labelsOf, labelsToJson } from "../../../src/model/index.ts";
import { seriesLabels } from "../../../src/pyroscope/write/series-labels.ts";

const series = { __name__: "memory", service_name: "shop" };

describe("the labels of a push", () => {
  const table: [string, Record<string, string>, Record<string, string>, Record<string, string>][] = [
    ["are those of the profile", series, {}, series],
    ["get the external ones added", series, { env: "staging" }, { ...series, env: "staging" }],
    ["lose to external ones of the same name", { ...series, env: "dev" }, { env: "prod" }, { ...series, env: "prod" }],
    ["lose what an external label empties", { ...series, pod: "a" }, { pod: "" }, series],
    ["may lose what they do not have", series, { pod: "" }, series],
    [
      "keep of the reserved ones only __name__ and __delta__",
      { ...series, __delta__: "false", __address__: "a:1", __meta_x: "y", __type__: "cpu" },
      {},
      { ...series, __delta__: "false" },
    ],
    ["may have dots in their names", { ...series, "k8s.pod": "a" }, {}, { ...series, "k8s.pod": "a" }],
  ];
  test.each(table)("%s", (_, labels, external, expected) => {
    const sent = seriesLabels(labelsOf(labels), new Map(Object.entries(external)));
    expect(labelsToJson(sent)).toEqual(expected);
    expect(sent.map(({ name }) => name)).toEqual(Object.keys(expected).sort());
  });

  const invalid: [string, Labels, string][] = [
    ["no labels", [], '"__name__", the profile type, is missing in {}'],
    ["no profile type", labelsOf({ service_name: "shop" }), '"__name__", the profile type, is missing'],
    ["a name with a dash", labelsOf({ ...series, "a-b": "c" }), '"a-b" is no label name'],
    ["an empty name", labelsOf({ ...series, "": "c" }), '"" is no label name'],
    ["half a surrogate pair", labelsOf({ ...series, a: "\ud800" }), 'the value of "a" is no valid Unicode'],
    ["a name twice", [...labelsOf(series), { name: "__name__", value: "block" }], "a name is there twice"],
  ];
  test.each(invalid)("are refused with %s", (_, labels, problem) => {
    expect(() => seriesLabels(labels, new Map())).toThrow(
      expect.objectContaining({ reason: "invalid_labels", message: expect.stringContaining(problem) }),
    );
  });

  test("do not change the profile's own", () => {
    const labels = labelsOf({ ...series, pod: "a" });
    seriesLabels(labels, new Map([["pod", ""]]));
    expect(labels).toEqual(labelsOf({ ...series, pod: "a" }));
  });
});
