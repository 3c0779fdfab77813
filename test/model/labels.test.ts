import { describe, expect, test } from "bun:test";
import {
  formatLabel,
  formatLabels,
  labelNamePattern,
  labelsFrom,
  labelsKey,
  labelsMap,
  labelsOf,
  labelsToJson,
  labelValue,
  withoutPasswords,
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

describe("Labels for a reader", () => {
  test("stay on one line and move no cursor, whatever was discovered", () => {
    const labels = labelsFrom([
      ["ev\u001b[31mil\nname", "v"],
      ["otel.scope", "\u001b[2J\u009b31mX\n  scraped\u202e"],
      ["with space", "1"],
    ]);
    expect(formatLabels(labels)).toBe(
      '{"ev\\u001b[31mil\\nname"="v", otel.scope="\\u001b[2J\\u009b31mX\\n  scraped\\u202e", "with space"="1"}',
    );
  });

  const shown: [name: string, value: string, shown: string][] = [
    ["__address__", "user:pw@c:1", '__address__="…@c:1"'],
    ["__address__", "http://user:pw@d:1/x?token=t", '__address__="http://…@d:1/x?…"'],
    ["__address__", "unix:///run/a@b.sock", '__address__="unix:///run/a@b.sock"'],
    ["url", "https://user:pw@d:1/x", 'url="https://d:1/x"'],
    ["owner", "team@shop.example", 'owner="team@shop.example"'],
    ["image", "app:1.2@sha256:abc", 'image="app:1.2@sha256:abc"'],
  ];
  test.each(shown)("hold no password: %s %s", (name, value, text) => {
    expect(formatLabel({ name, value })).toBe(text);
    expect(formatLabels(withoutPasswords([{ name, value }]))).toBe(`{${text}}`);
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
