import { describe, expect, test } from "bun:test";
import { JsonProblem, parseJson } from "../../src/discovery/parse-json.ts";

describe("a text that is no JSON", () => {
  const broken: readonly [text: string, says: string][] = [
    ['[{"targets": ["127', '1:19 it ends too early, behind "[{"targets": ["127"'],
    [
      `[{"targets": ["${"10.0.0.1:6060, ".repeat(9)}`,
      '1:150 it ends too early, behind "…0, 10.0.0.1:6060, 10.0.0.1:6060,"',
    ],
    ["[\n  1,\n", '2:5 it ends too early, behind "[ 1,"'],
    ["[1, 2}", '1:6 comma expected at "}"'],
    ['[\n  {"targets": []}\n  {}\n]', '3:3 comma expected at "{} ]"'],
    ['["a\n"]', '1:2 unexpected end of string at ""a "]"'],
    ["[1,]", '1:4 value expected at "]"'],
    ["[NaN]", '1:2 invalid symbol at "NaN]"'],
    ["<html>", '1:1 invalid symbol at "<html>"'],
    ["\ufeff[]", "1:1 invalid symbol at"],
    ["[1] // one", "1:5 invalid comment token at"],
    ["[".repeat(1_000_000), '1:1 it begins with "[[[['],
  ];

  test.each(broken)("says where it breaks, and what is there: %#", async (text, says) => {
    expect(await problemIn(text)).toStartWith(says);
  });

  test("shows nothing that is to be masked", async () => {
    const masked = (text: string): string => text.replaceAll("correct-horse", "***");
    expect(await problemIn('["correct-horse" 1]', masked)).toBe('1:8 comma expected at "1]"');
    expect(await problemIn('["correct-horse', masked)).toBe('1:6 it ends too early, behind "["***"');
  });

  test("is said where the whole of it is large", async () => {
    const groups = Array.from({ length: 100_000 }, (_, index) => `{"targets":["10.0.0.1:${index}"]}`);
    const startMs = performance.now();
    expect(await problemIn(`[${groups.join(",\n")}`)).toStartWith("100000:");
    expect(performance.now() - startMs).toBeLessThan(2000);
  });
});

test("JSON is what it says", async () => {
  expect(await parseJson('[{"targets": []}]')).toEqual([{ targets: [] }]);
});

async function problemIn(text: string, masked?: (text: string) => string): Promise<string> {
  const thrown: unknown = await parseJson(text, masked).catch((problem: unknown) => problem);
  if (!(thrown instanceof JsonProblem)) throw new Error(`Expected a JsonProblem, found ${String(thrown)}`);
  return `${thrown.line}:${thrown.column} ${thrown.message}`;
}
