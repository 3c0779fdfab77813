import { Duration, Size } from "../base/index.ts";
import { alloySyntax } from "./alloy-syntax.ts";
import { tooDeep } from "./nesting.ts";

interface SyntaxError {
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

/**
 * What is wrong with a TOML text, in words for the mistakes that TOML invites. Only the first line of the parser's message is used:
 * the rest quotes the file, which may hold secrets. For the same reason a word is quoted only where it is a duration or a size.
 */
export function tomlSyntaxMessage(text: string, { message, line, column }: SyntaxError): string {
  const source = text.split(/\r?\n/)[line - 1] ?? "";
  const said = (message.split("\n")[0] ?? "").replace(/^Invalid TOML document: /, "");
  if (said.includes("excessively nested")) return tooDeep;
  if (said.startsWith("trying to redefine")) return redefinition(source);
  const alloy = alloySyntax(source, column);
  if (alloy !== undefined) return `not valid TOML: ${alloy}`;
  if (said === "illegal character in numeric literal" || said === "invalid value")
    return unquoted(source, column) ?? `not valid TOML: ${said}`;
  if (said === "illegal leading zero")
    return "not valid TOML: a number does not begin with 0; put it in quotes if it is a text, such as a password";
  if (said === "unfinished string") return "not valid TOML: a string is not closed on its line; add the closing quote";
  if (said.includes("escape")) return `not valid TOML: ${said}; in 'single quotes' a backslash is just a backslash`;
  return `not valid TOML: ${said}`;
}

function redefinition(source: string): string {
  const [, listKey] = /^\s*\[\[.*?([^.[\]]+)\]\]/.exec(source) ?? [];
  if (listKey !== undefined)
    return `${listKey.trim()} is a list above already, and [[…]] cannot add to it: write this item into that list as { … }, beside the others`;
  if (/^\s*\[/.test(source))
    return "this table stands above already: merge the two; where a list of tables is meant, each is written [[…]]";
  return "this key is set above already: keep one of the two";
}

function unquoted(source: string, column: number): string | undefined {
  const before = /[\w.+:/-]*$/.exec(source.slice(0, column - 1))?.[0] ?? "";
  const word = before + (/^[\w.+:/µ-]*/.exec(source.slice(column - 1))?.[0] ?? "");
  const [, key] = /([\w-]+)\s*=\s*$/.exec(source.slice(0, column - 1 - before.length)) ?? [];
  if (word === "") return undefined;
  const assignment = key === undefined ? "" : `: ${key} = "${word}"`;
  if (Duration.parse(word)) return `${word} needs quotes; a duration is a string${assignment}`;
  if (Size.parse(word)) return `${word} needs quotes; a size is a string${assignment}`;
  if (/^(true|yes|on)$/i.test(word)) return `not valid TOML: write true, in lower case`;
  if (/^(false|no|off)$/i.test(word)) return `not valid TOML: write false, in lower case`;
  return "not valid TOML: the value needs quotes, unless it is a number, true or false";
}
