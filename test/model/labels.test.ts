import { describe, expect, test } from "bun:test";
import {
  formatLabels,
  labelNamePattern,
  labelsFrom,
  labelsKey,
  labelsMap,
  labelsOf,
  labelsToJson,
  labelValue,
} from "../../src/model/index.ts";

describe("A label set", () => {
  test("is sorted by name, whatever the order of the pairs", () => {
    const labels = labelsFrom([
      ["job", "api"],
      ["__address__", "localhost:6060"],
      ["Job", "upper case comes first"],
    ]);
    expect(labels.map((label) => label.name)).toEqual(["Job", "__address__", "job"]);
  });

  test("takes the later of two pairs of one name", () => {
    expect(
      labelsFrom([
        ["job", "a"],
        ["job", "b"],
      ]),
    ).toEqual(labelsOf({ job: "b" }));
  });

  test("does not hold a label with an empty value", () => {
    expect(labelsOf({ env: "", job: "a" })).toEqual([{ name: "job", value: "a" }]);
    expect(
      labelsFrom([
        ["env", "staging"],
        ["env", ""],
      ]),
    ).toEqual([]);
  });

  test("gives a label's value, and the empty string for one it does not have", () => {
    const labels = labelsOf({ job: "a" });
    expect(labelValue(labels, "job")).toBe("a");
    expect(labelValue(labels, "env")).toBe("");
    expect(labelValue(labels, "toString")).toBe("");
  });

  test("comes back from a map unchanged", () => {
    const labels = labelsOf({ a: "1", b: "2" });
    expect(labelsFrom(labelsMap(labels))).toEqual(labels);
  });

  test("is shown as Prometheus shows it", () => {
    expect(formatLabels(labelsOf({ job: 'a "quoted" name', env: "staging" }))).toBe(
      '{env="staging", job="a \\"quoted\\" name"}',
    );
  });
});

describe("labelsKey()", () => {
  test("is equal for equal sets and differs where a value runs into the next name", () => {
    expect(labelsKey(labelsOf({ a: "1", b: "2" }))).toBe(labelsKey(labelsOf({ b: "2", a: "1" })));
    expect(labelsKey(labelsOf({ a: '1","b', c: "2" }))).not.toBe(labelsKey(labelsOf({ a: "1", 'b","c': "2" })));
  });
});

describe("A label called __proto__", () => {
  const labels = labelsFrom([
    ["__proto__", "outside"],
    ["constructor", "too"],
  ]);

  test("is a label like any other", () => {
    expect(labelValue(labels, "__proto__")).toBe("outside");
    expect(formatLabels(labels)).toBe('{__proto__="outside", constructor="too"}');
  });

  test("changes no prototype when shown as JSON", () => {
    const json = labelsToJson(labels);
    expect(JSON.stringify(json)).toBe('{"__proto__":"outside","constructor":"too"}');
    expect(Object.getPrototypeOf(json)).toBeNull();
    expect(({} as Record<string, unknown>)["outside"]).toBeUndefined();
  });
});

describe("labelNamePattern", () => {
  test.each(["job", "_x", "A9", "otel.scope.name", "__address__"])("accepts %s", (name) => {
    expect(labelNamePattern.test(name)).toBe(true);
  });
  test.each(["", "9a", ".a", "a-b", "a b", "ä", "a\n"])("refuses %j", (name) => {
    expect(labelNamePattern.test(name)).toBe(false);
  });
});
