import { describe, expect, test } from "bun:test";
import { type Matcher, RE2JS } from "re2js";
import { limits } from "../../src/base/index.ts";
import { labelsOf, labelValue } from "../../src/model/index.ts";
import { compileRules, explainRules, relabel } from "../../src/relabel/index.ts";
import { complete, relabelWith, type WrittenRule } from "./rules.ts";

describe("relabelling", () => {
  test("hands the very label set on where no rule changes it", () => {
    const labels = labelsOf({ a: "1" });
    const rules = compileRules([complete({ source_labels: ["a"], regex: "2", target_label: "b" })]);
    expect(relabel(labels, rules)).toBe(labels);
    expect(relabel(labels, [])).toBe(labels);
  });

  test("says which rule drops a set, and ends there", () => {
    const rules = compileRules([
      complete({ target_label: "x", replacement: "1" }),
      complete({ action: "drop", source_labels: ["x"], regex: "1" }),
      complete({ action: "drop" }),
    ]);
    const dropped: number[] = [];
    expect(relabel(labelsOf({ a: "1" }), rules, { dropped: (rule) => dropped.push(rule) })).toBeUndefined();
    expect(dropped).toEqual([1]);
  });

  test("compiles the rules of a component once", () => {
    const rules = [complete({ target_label: "x" })];
    expect(compileRules(rules)).toBe(compileRules(rules));
  });

  test("takes a name for a label that every object has", () => {
    expect(relabelWith({ a: "1" }, [{ source_labels: ["__proto__"], target_label: "b" }])).toEqual(
      labelsOf({ a: "1" }),
    );
    const [label] = relabelWith({ a: "1" }, [{ source_labels: ["a"], target_label: "__proto__" }]) ?? [];
    expect(label).toEqual({ name: "__proto__", value: "1" });
  });
});

const templates: readonly (readonly [template: string, result: string])[] = [
  ["$1", "ab"],
  ["${1}x", "abx"],
  ["$1x", ""],
  ["$1-x", "ab-x"],
  ["$word", "cd"],
  ["${word}s", "cds"],
  ["$words", ""],
  ["$$1", "$1"],
  ["$", "$"],
  ["${1", "${1"],
  ["${}", "${}"],
  ["$-", "$-"],
  ["$0", "ab-cd"],
  ["$9", ""],
  ["${1}${word}$1", "abcdab"],
];

describe("a template", () => {
  for (const [replacement, result] of templates)
    test(`"${replacement}" becomes "${result}", as in Go`, () => {
      const rules = [{ source_labels: ["a"], regex: "(..)-(?P<word>..)", target_label: "out", replacement }];
      expect(relabelWith({ a: "ab-cd" }, rules)).toEqual(labelsOf({ a: "ab-cd", out: result }));
    });
});

describe("upper and lower case", () => {
  const cases: readonly (readonly [action: "lowercase" | "uppercase", text: string, result: string])[] = [
    ["lowercase", "ÄΣ", "äσ"],
    ["lowercase", "İ", "i"],
    ["uppercase", "straße", "STRAßE"],
    ["uppercase", "ǆ𐐨", "Ǆ𐐀"],
  ];
  for (const [action, text, result] of cases)
    test(`${action} of "${text}" is "${result}", as in Go`, () => {
      const rules = [{ action, source_labels: ["a"], target_label: "a" }];
      expect(relabelWith({ a: text }, rules)).toEqual(labelsOf({ a: result }));
    });
});

describe("the bounds of relabelling", () => {
  test("rules that double the labels again and again are stopped", () => {
    const rules = Array.from({ length: 20 }, (_, round) => ({
      action: "labelmap" as const,
      regex: "(.+)",
      replacement: `r${round}_$1`,
    }));
    expect(() => relabelWith({ a: "1", b: "2" }, rules)).toThrow(
      `a rule makes more than ${limits.relabelledLabels} labels`,
    );
  });

  test("rules that double a value again and again are stopped", () => {
    const rules = Array.from({ length: 40 }, () => ({ source_labels: ["a"], target_label: "a", replacement: "$1$1" }));
    expect(() => relabelWith({ a: "1" }, rules)).toThrow('a rule makes label "a" with 131072 characters');
  });
});

describe("rules on the names of labels", () => {
  test.each([
    ["labelmap", "kept_a"],
    ["labeldrop", "b"],
    ["labelkeep", "meta_a"],
  ] as const)("match each name once, however many targets have it: %s", (action, name) => {
    const rules = compileRules([complete({ action, regex: "meta_(a+[a])|meta_(a)", replacement: "kept_$2" })]);
    const matcher = Reflect.get(RE2JS.prototype, "matcher") as (this: RE2JS, text: unknown) => Matcher;
    let matched = 0;
    RE2JS.prototype.matcher = function (text) {
      matched++;
      return matcher.call(this, text);
    };
    try {
      for (let i = 0; i < 100; i++)
        expect(labelValue(relabel(labelsOf({ meta_a: "1", b: String(i) }), rules) ?? [], name)).not.toBe("");
      expect(matched).toBe(2);
    } finally {
      RE2JS.prototype.matcher = matcher;
    }
  });

  test("are right for more names than are remembered", () => {
    const rules = compileRules([complete({ action: "labelmap", regex: "(x\\d+)", replacement: "y_$1" })]);
    for (let i = 0; i < limits.relabelRememberedNames + 10; i++) relabel(labelsOf({ [`x${i}`]: "1" }), rules);
    for (const name of ["x0", "x10005"])
      expect(labelValue(relabel(labelsOf({ [name]: "1" }), rules) ?? [], `y_${name}`)).toBe("1");
  });
});

describe("explaining", () => {
  test("shows every rule up to the one that drops", () => {
    const rules = compileRules([
      complete({ source_labels: ["a"], target_label: "b" }),
      complete({ action: "keep", source_labels: ["a", "b"], regex: "2;2" }),
      complete({ action: "labeldrop", regex: "x" }),
    ]);
    const given = labelsOf({ a: "1" });
    const changed = labelsOf({ a: "1", b: "1" });
    expect(explainRules(given, rules)).toEqual([
      {
        name: "rule[0]",
        rule: "set b to a",
        action: "replace",
        before: given,
        after: changed,
        input: "1",
        matched: true,
      },
      {
        name: "rule[1]",
        rule: 'keep where a, b joined by ";" matches "2;2"',
        action: "keep",
        before: changed,
        input: "1;1",
        matched: false,
        because: 'a="1", b="1": "1;1" does not match (the whole must)',
      },
    ]);
  });

  test.each<[WrittenRule, string | undefined]>([
    [{ source_labels: ["a"], regex: "(sh|wh)", target_label: "x" }, 'a="shop" does not match (the whole must)'],
    [
      { source_labels: ["a"], regex: "(shop)", target_label: "x", replacement: "$1x" },
      'a="shop" matches, but "$1x" is empty',
    ],
    [{ source_labels: ["a"], target_label: "${n}" }, 'a="shop" matches, but "${n}" is empty'],
    [{ source_labels: ["z"], target_label: "x" }, "z is absent"],
    [{ source_labels: ["z"], target_label: "a" }, "z is absent"],
    [{ source_labels: ["a"], target_label: "a" }, 'a="shop" is there already'],
    [{ target_label: "x", replacement: "" }, "x is absent already"],
    [{ target_label: "a", replacement: "" }, undefined],
    [{ regex: "y", target_label: "x" }, "the empty text, for want of source_labels, does not match (the whole must)"],
    [{ action: "keep", source_labels: ["z"], regex: "s" }, "z is absent"],
    [{ action: "keep", source_labels: ["z"] }, "z is absent, and the empty text matches"],
    [{ action: "drop", source_labels: ["a", "z"] }, 'a="shop", z is absent: "shop;" matches'],
    [{ action: "keep", source_labels: ["url"], regex: "u" }, 'url="http://h/" does not match (the whole must)'],
    [{ action: "keepequal", source_labels: ["a"], target_label: "z" }, 'a="shop" does not equal z, which is absent'],
    [
      { action: "dropequal", source_labels: ["a", "n"], target_label: "a" },
      'a="shop", n is absent: "shop;" does not equal a="shop"',
    ],
    [{ action: "dropequal", source_labels: ["a"], target_label: "a" }, 'a="shop" equals a="shop"'],
    [{ action: "keepequal", source_labels: ["z"], target_label: "a" }, 'z is absent, and a="shop"'],
    [{ action: "dropequal", source_labels: ["z"], target_label: "n" }, "z is absent, and so is n"],
    [{ action: "lowercase", source_labels: ["a"], target_label: "a" }, 'a="shop" is there already'],
    [{ action: "labelmap", regex: "__meta_(.+)" }, "no label has such a name"],
    [{ action: "labelmap", regex: "(a)", replacement: "$2" }, 'names match, but "$2" is empty'],
    [{ action: "labeldrop", regex: "z" }, "no label has such a name"],
    [{ action: "labeldrop", regex: "a" }, undefined],
    [{ action: "labelkeep", regex: ".*" }, "every label has such a name"],
  ])("says why %j sets nothing", (written, because) => {
    const [step] = explainRules(labelsOf({ a: "shop", url: "http://u:hunter2@h" }), compileRules([complete(written)]));
    expect(step?.because).toBe(because as string);
  });

  test.each<[WrittenRule, string]>([
    [{ action: "keep" }, 'keep where the empty text matches "(.*)"'],
    [{ action: "drop", source_labels: ["a"], regex: "\\d+" }, "drop where a matches '\\d+'"],
    [{ action: "drop", source_labels: ["a"], regex: "'\\d+'" }, "drop where a matches \"'\\\\d+'\""],
    [{ action: "drop", source_labels: ["a"], regex: "\\d\n" }, 'drop where a matches "\\\\d\\n"'],
  ])("describes %j", (written, description) => {
    expect(compileRules([complete(written)])[0]?.description).toBe(description);
  });
});
