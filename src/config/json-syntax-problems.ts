import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import { found } from "../schema/index.ts";
import { type Position } from "./positions.ts";

export interface SyntaxProblem extends Position {
  readonly message: string;
}

/** Everything that keeps a text from being JSON, and keys that stand twice, which JSON.parse would silently drop. */
export function jsonSyntaxProblems(text: string): readonly SyntaxProblem[] {
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true });
  const first = errors[0];
  // What follows the first error is mostly its echo.
  if (first) return [{ ...positionAt(text, first.offset), message: messageOf(first) }];
  const duplicates: SyntaxProblem[] = [];
  if (root) findDuplicates(root, text, duplicates);
  return duplicates;
}

/** Line and column of an offset. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - lineStart + 1 };
}

const messages: Readonly<Record<string, string>> = {
  InvalidSymbol: "a word that is no value; a string needs quotes",
  InvalidNumberFormat: "a malformed number; a duration or size is a string in quotes",
  PropertyNameExpected: "a key in quotes was expected; perhaps the comma before it is one too many",
  ValueExpected: "a value was expected",
  ColonExpected: "a colon was expected after the key",
  CommaExpected: "a comma was expected",
  CloseBraceExpected: "a closing } was expected",
  CloseBracketExpected: "a closing ] was expected",
  EndOfFileExpected: "more text stands after the end",
  InvalidCommentToken: "JSON has no comments; TOML has",
  UnexpectedEndOfComment: "JSON has no comments; TOML has",
  UnexpectedEndOfString: "a string is not closed on its line; add the closing quote",
  UnexpectedEndOfNumber: "a malformed number",
  InvalidUnicode: "a malformed \\u escape in a string",
  InvalidEscapeCharacter: "an unknown escape in a string; a backslash is written \\\\",
  InvalidCharacter: "a control character in a string",
};

function messageOf({ error }: ParseError): string {
  const name = printParseErrorCode(error);
  return `not valid JSON: ${messages[name] ?? name}`;
}

function findDuplicates(node: Node, text: string, problems: SyntaxProblem[]): void {
  const seen = new Set<string>();
  for (const child of node.children ?? []) {
    const [key, value] = child.type === "property" ? (child.children ?? []) : [];
    if (key) {
      const name = key.value as string;
      if (seen.has(name))
        problems.push({
          ...positionAt(text, key.offset),
          message: `the key ${found(name)} is set above already: keep one of the two`,
        });
      seen.add(name);
    }
    findDuplicates(value ?? child, text, problems);
  }
}
