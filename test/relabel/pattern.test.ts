import { describe, expect, test } from "bun:test";
import { array, assert, constantFrom, property } from "fast-check";
import { compilePattern, loadEngine, needsEngine } from "../../src/relabel/pattern.ts";

await loadEngine();

/** The same expression for the engine: a group around it that catches nothing changes neither what matches nor the groups. */
function withEngine(regex: string): ReturnType<typeof compilePattern> {
  const wrapped = `(?:(?:)${regex})`;
  expect(needsEngine(wrapped)).toBe(true);
  return compilePattern(wrapped);
}

const plain = [
  "(.*)",
  ".*",
  "(.+)",
  "a(.*)",
  "(.+)a",
  "a.*b",
  "a.+a",
  "__meta_(.+)",
  "",
  "a",
  "a|b",
  "(a|bb|)",
  "(?:a|b)",
  "^a$",
  "a$",
  "^",
  "a\\.b",
  "a\\|b|\\\\",
  "é(.*)",
];

describe("a plain expression", () => {
  for (const regex of plain)
    test(`"${regex}" needs no engine and matches as with it`, () => {
      expect(needsEngine(regex)).toBe(false);
      const [ours, theirs] = [
        compilePattern(regex),
        withEngine(regex.includes("|") && !regex.startsWith("(") ? `(?:${regex})` : regex),
      ];
      const text = array(constantFrom("a", "b", ".", "|", "\\", "\n", "é", "__meta_", "x"), { maxLength: 5 });
      assert(
        property(text, (parts) => {
          const [mine, other] = [ours(parts.join("")), theirs(parts.join(""))];
          expect(mine === undefined).toBe(other === undefined);
          for (const group of [0, 1, 2, "name"]) expect(mine?.(group)).toBe(other?.(group));
        }),
      );
    });
});

describe("an expression that is more than plain", () => {
  const others = [
    "a?",
    "(a)(b)",
    "[ab]",
    "(.*)(.*)",
    ".*?",
    "a{2}",
    "(?i)a",
    "\\d+",
    "a.b",
    "(?P<x>.*)",
    "^a|b$",
    "(a|b)c",
  ];
  for (const regex of others) test(`"${regex}" needs the engine`, () => expect(needsEngine(regex)).toBe(true));

  test("matches a text whole, line breaks included", () => {
    expect(compilePattern("a.?c")("a\nc")).toBeDefined();
    expect(compilePattern("a.?c")("a\ncd")).toBeUndefined();
  });

  test("gives groups by number and name, and nothing for what is none", () => {
    const groups = compilePattern("(?P<host>[^:]+):(\\d+)(x)?")("web:80");
    expect([
      groups?.(0),
      groups?.(1),
      groups?.("host"),
      groups?.(2),
      groups?.(3),
      groups?.(4),
      groups?.("port"),
    ]).toEqual(["web:80", "web", "web", "80", "", "", ""]);
  });

  test("is linear where a backtracking engine would not end", () => {
    expect(compilePattern("(x+x+)+y?z")("x".repeat(4000))).toBeUndefined();
  });
});

describe("a bad expression", () => {
  const bad: readonly (readonly [regex: string, message: string])[] = [
    ["a(b", "is no RE2 expression: missing closing )"],
    ["a)|(b", "is no RE2 expression: unexpected )"],
    ["x[z-a]", 'is no RE2 expression: invalid character class range, at character 3: "z-a"'],
    ["a**", 'is no RE2 expression: invalid nested repetition operator, at character 2: "**"'],
    [
      "a(?=b)",
      'is no RE2 expression: invalid or unsupported Perl syntax, at character 2: "(?="; RE2 does not look ahead or behind',
    ],
    ["(?<!a)b", "is no RE2 expression: invalid named capture; RE2 does not look ahead or behind"],
    [
      "(a)\\1",
      'is no RE2 expression: invalid escape sequence, at character 4: "\\1"; RE2 has no references back to a group',
    ],
    ["[a]{5000}", 'is no RE2 expression: invalid repeat count, at character 4: "{5000}"'],
    [`[a]${"b".repeat(5000)}`, "has 5003 characters, more than 4096"],
  ];
  for (const [regex, message] of bad)
    test(`"${regex.slice(0, 20)}" is refused with its reason`, () =>
      expect(() => compilePattern(regex)).toThrow(message));
});
