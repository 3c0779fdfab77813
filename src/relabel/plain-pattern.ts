import type { Pattern } from "./pattern.ts";

/**
 * Most rules need no engine for regular expressions, which costs 3 MB of memory and 20 ms at the start: a pattern of literals (`a|b`), and one of a
 * literal on both sides of what is left open (`(.*)`, `__meta_(.+)`). `undefined` for every other.
 */
export function plainPattern(regex: string): Pattern | undefined {
  return open(regex) ?? oneOf(regex);
}

const character = String.raw`(?:[^\\.+*?()|[\]{}^$\0]|\\[!-/:-@[-^{-~\x60])`;
const openForm = new RegExp(String.raw`^(${character}*)(\()?\.([*+])(\))?(${character}*)$`, "su");
const listForm = new RegExp(String.raw`^(\((?:\?:)?|\^)?(${character}*(?:\|${character}*)*)([)$])?$`, "su");

function open(regex: string): Pattern | undefined {
  const [whole, before = "", opening, repeat, closing, after = ""] = openForm.exec(regex) ?? [];
  if (whole === undefined || (opening === undefined) !== (closing === undefined)) return undefined;
  const [prefix, suffix] = [unescaped(before), unescaped(after)];
  const leastLength = prefix.length + suffix.length + (repeat === "+" ? 1 : 0);
  return (text) => {
    if (text.length < leastLength || !text.startsWith(prefix) || !text.endsWith(suffix)) return undefined;
    const first = opening === undefined ? "" : text.slice(prefix.length, text.length - suffix.length);
    return (group) => (group === 0 ? text : group === 1 ? first : "");
  };
}

function oneOf(regex: string): Pattern | undefined {
  const [whole, opening = "", list = "", closing = ""] = listForm.exec(regex) ?? [];
  if (whole === undefined || !brackets.has(opening + closing)) return undefined;
  // In ^a|b$ each anchor belongs to one of the two.
  if (/[$^]/.test(opening + closing) && list.includes("|")) return undefined;
  const literals = new Set(splitUnescaped(list).map(unescaped));
  const captures = opening === "(";
  return (text) => {
    if (!literals.has(text)) return undefined;
    return (group) => (group === 0 || (group === 1 && captures) ? text : "");
  };
}

const brackets: ReadonlySet<string> = new Set(["", "()", "(?:)", "^", "$", "^$"]);

function splitUnescaped(list: string): readonly string[] {
  // An escaped bar is behind one backslash: two of them are an escaped backslash.
  return list.replace(/\\(.)|\|/gsu, (found) => (found === "|" ? "\0" : found)).split("\0");
}

function unescaped(literal: string): string {
  return literal.replace(/\\(.)/gsu, "$1");
}
