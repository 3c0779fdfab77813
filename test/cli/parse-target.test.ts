import { describe, expect, test } from "bun:test";
import { parseTarget } from "../../src/cli/parse-target.ts";
import { formatLabels, labelsOf } from "../../src/model/index.ts";

describe("A target given by hand", () => {
  test.each([
    ["__address__=10.0.0.1:80, job=shop ", { __address__: "10.0.0.1:80", job: "shop " }],
    ["url=/x?a=b", { url: "/x?a=b" }],
    ['a=the "best"', { a: 'the "best"' }],
    ['{__address__="a:80", a="X"}', { __address__: "a:80", a: "X" }],
    [' { __address__="a:80",a="x, {y}=z" } ', { __address__: "a:80", a: "x, {y}=z" }],
    ['__address__="a:80",a="X"', { __address__: "a:80", a: "X" }],
  ])("is read from %s", (text, labels) => {
    expect(parseTarget(text)).toEqual(labelsOf(labels));
  });

  test("is read as it is printed, whatever it holds", () => {
    const labels = labelsOf({ __address__: "a:80", "odd,name{": 'say "no"\\\n\u001b', b: "c,d=e" });
    expect(parseTarget(formatLabels(labels))).toEqual(labels);
  });

  test.each([
    ["h:1", "h:1"],
    ["{a=b}", "{a=b}"],
    ['{a="b"', '{a="b"'],
    ['a="b",c=d', 'a="b"'],
    ['{a="\\x"}', '{a="\\x"}'],
    ["{}", "{}"],
  ])("is refused in %s", (text, part) => {
    expect(() => parseTarget(text)).toThrow(
      `Target "${text}" holds "${part}": write --target 'LABEL=VALUE,LABEL=VALUE', with no comma in a value, or '{LABEL="VALUE", LABEL="VALUE"}'`,
    );
  });

  test.each(["a=1,a=2", '{a="1", a="2"}'])("has each label once: %s", (text) => {
    expect(() => parseTarget(text)).toThrow(`Target "${text}" has the label "a" twice: remove one of the two`);
  });
});
