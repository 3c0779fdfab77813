import type { ParseErrorCode } from "jsonc-parser";
import { preview } from "../base/index.ts";

/** Why a text is no JSON, in words that are the same on every runtime. */
export class JsonProblem extends Error {
  /** Where it breaks, from 1. */
  readonly line: number;
  readonly column: number;

  constructor(message: string, { line, column }: { readonly line: number; readonly column: number }) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

/** What a JSON text says. Rejects with a JsonProblem; `masked` takes out of the text what must not be shown. */
export async function parseJson(text: string, masked: (text: string) => string = String): Promise<unknown> {
  try {
    return JSON.parse(text);
  } catch {
    throw await problemOf(masked(text));
  }
}

/** What is shown of the text on one side of where it breaks. */
const shownLength = 32;

async function problemOf(text: string): Promise<JsonProblem> {
  const whole = text.trimEnd();
  const { printParseErrorCode, ...error } = await firstError(text);
  if (error.code === undefined) return problemAt(`it begins with "${preview(whole, shownLength)}"`, "", 0);
  const word = printParseErrorCode(error.code);
  const end = error.offset + error.length;
  // An open string, or nothing at all, where something has to follow.
  if (error.offset >= whole.length || (word === "UnexpectedEndOfString" && end >= whole.length))
    return problemAt(`it ends too early, behind "${lastOf(whole)}"`, whole, whole.length);
  const from = preview(text.slice(error.offset, error.offset + 4 * shownLength), shownLength);
  return problemAt(`${inWords(word)} at "${from}"`, text, error.offset);
}

interface FirstError {
  readonly printParseErrorCode: (code: ParseErrorCode) => string;
  /** Nothing where no error is found. */
  readonly code: ParseErrorCode | undefined;
  readonly offset: number;
  readonly length: number;
}

/** Ends at the first error: what follows is mostly its echo. */
async function firstError(text: string): Promise<FirstError> {
  const { printParseErrorCode, visit } = await import("jsonc-parser");
  let found: Pick<FirstError, "code" | "offset" | "length"> = { code: undefined, offset: 0, length: 0 };
  const onError = (code: ParseErrorCode, offset: number, length: number): void => {
    found = { code, offset, length };
    throw new Error("Found");
  };
  try {
    visit(text, { onError }, { disallowComments: true });
  } catch {
    // Found, or nested too deeply to be looked at.
  }
  return { printParseErrorCode, ...found };
}

function problemAt(message: string, text: string, offset: number): JsonProblem {
  const before = text.slice(0, offset);
  return new JsonProblem(message, {
    line: before.split("\n").length,
    column: offset - before.lastIndexOf("\n"),
  });
}

function lastOf(text: string): string {
  const last = preview(text.slice(-shownLength));
  return text.length > shownLength ? `…${last}` : last;
}

/** `CommaExpected` as `comma expected`. */
function inWords(code: string): string {
  return code.replace(/\B[A-Z]/g, (letter) => ` ${letter}`).toLowerCase();
}
