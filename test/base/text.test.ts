import { describe, expect, test } from "bun:test";
import {
  AgentError,
  compareText,
  errorMessage,
  escaped,
  oneLine,
  preview,
  quoted,
  splitHint,
} from "../../src/base/index.ts";

describe("preview()", () => {
  const previews: [title: string, text: string, shown: string][] = [
    ["short text as it is", "404 page not found", "404 page not found"],
    ["one line", "<html>\r\n\t<body>", "<html> <body>"],
    ["no control characters", "a\u001b[31mred\u0007\u0000\u009b", "a [31mred"],
    ["nothing that reorders a line", "a\u202eb\u2066c\u200fd\u2028e\ufefff", "a b c d e f"],
    ["64 characters at most", "x".repeat(100), `${"x".repeat(64)}…`],
    ["nothing for nothing", " \n ", ""],
    ["no hint", "a; b;\nc;  d;", "a;\u00a0b;\u00a0c;\u00a0d;\u00a0"],
  ];
  test.each(previews)("gives %s", (_title, text, shown) => {
    expect(preview(text)).toBe(shown);
  });
});

test("splitHint() parts a message of ours, and oneLine() leaves its hint where it is", () => {
  const message = `It said "${preview("no; do this")}"; do that`;
  expect(splitHint(oneLine(`${message}\n`, 100))).toEqual({ what: 'It said "no;\u00a0do this"', hint: "do that" });
  expect(splitHint("It broke")).toEqual({ what: "It broke", hint: undefined });
  expect(oneLine(message, 7)).toBe("It said…");
});

test("escaped() writes what a terminal would obey as JSON does, and leaves the rest as it is", () => {
  expect(escaped('ä 日本 "q" \\ a\u001b[2J\nb\u009b31m\u007f \u202e\u2028\u061c')).toBe(
    'ä 日本 "q" \\ a\\u001b[2J\\u000ab\\u009b31m\\u007f \\u202e\\u2028\\u061c',
  );
});

test("quoted() is JSON on one line that a terminal shows as it is", () => {
  const text = 'a "b"\u001b\u009b\n\u202e';
  expect(quoted(text)).toBe('"a \\"b\\"\\u001b\\u009b\\n\\u202e"');
  expect(JSON.parse(quoted(text))).toBe(text);
});

test("compareText() orders by code unit and not by a locale", () => {
  expect(["b", "ä", "B", "a", "a"].toSorted(compareText)).toEqual(["B", "a", "a", "b", "ä"]);
});

test("AgentError keeps its reason, its cause and the name of the class that was thrown", () => {
  class SampleError extends AgentError<"refused"> {}
  const cause = new Error("ECONNREFUSED");
  const error = new SampleError("refused", "Cannot connect", { cause });
  expect(error).toMatchObject({ name: "SampleError", reason: "refused", message: "Cannot connect", cause });
  expect(error).toBeInstanceOf(Error);
});

test("errorMessage() tells whatever was thrown", () => {
  expect(errorMessage(new Error("It broke"))).toBe("It broke");
  expect(errorMessage("text")).toBe("text");
  expect(errorMessage(undefined)).toBe("undefined");
});
