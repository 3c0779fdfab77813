import type { RE2JS } from "re2js";
import { AgentError, errorMessage, limits, preview } from "../base/index.ts";
import { plainPattern } from "./plain-pattern.ts";

/** What a group caught, by its number (0 is the whole text) or name; the empty string where it caught nothing or is none. */
export type Groups = (group: number | string) => string;

/** Matches a text whole: `^(?s:REGEX)$`. */
export type Pattern = (text: string) => Groups | undefined;

/** Whether `loadEngine` has to come before `compilePattern` of this expression. */
export function needsEngine(regex: string): boolean {
  return plainPattern(regex) === undefined;
}

let engine: typeof RE2JS | undefined;

/** Loads re2js, which is linear in the length of expression and text and knows RE2's syntax, the field's. */
export async function loadEngine(): Promise<void> {
  engine ??= (await import("re2js")).RE2JS;
}

/** Compiles an expression. Throws AgentError `bad_regex`, whose message says what is wrong with which part. */
export function compilePattern(regex: string): Pattern {
  return plainPattern(regex) ?? compileWithEngine(regex);
}

/** The groups of an expression: how many, and the names that some of them have. */
export interface RegexGroups {
  readonly count: number;
  readonly names: readonly string[];
}

/** Of an expression that can be compiled. */
export function groupsOf(regex: string): RegexGroups {
  // A plain one has a group at most, and no parentheses for anything else but `(?:`.
  if (!needsEngine(regex)) return { count: /\((?!\?:)/.test(regex.replace(/\\./gsu, "")) ? 1 : 0, names: [] };
  const compiled = loadedEngine(regex).compile(regex);
  return { count: compiled.groupCount(), names: Object.keys(compiled.namedGroups()) };
}

function loadedEngine(regex: string): typeof RE2JS {
  if (!engine) throw new Error(`The engine for "${preview(regex)}" was not loaded: call prepareRules first`);
  return engine;
}

function compileWithEngine(regex: string): Pattern {
  const re2 = loadedEngine(regex);
  if (regex.length > limits.relabelRegexLength)
    throw badRegex(`has ${regex.length} characters, more than ${limits.relabelRegexLength}`);
  try {
    // First alone, so that `a)|(b` is the mistake it looks like and not two halves around what is put around it.
    re2.compile(regex);
    const compiled = re2.compile(`^(?s:${regex})$`);
    const names = new Map(Object.entries(compiled.namedGroups()));
    return (text) => {
      const matcher = compiled.matcher(text);
      if (!matcher.find()) return undefined;
      return (group) => {
        const index = typeof group === "number" ? group : names.get(group);
        return index === undefined || index > compiled.groupCount() ? "" : (matcher.group(index) ?? "");
      };
    };
  } catch (thrown) {
    throw badRegex(describe(regex, thrown), { cause: thrown });
  }
}

function badRegex(problem: string, options?: ErrorOptions): AgentError<"bad_regex"> {
  return new AgentError("bad_regex", problem, options);
}

/** The engine's words, with the place of what it stumbled over. */
function describe(regex: string, thrown: unknown): string {
  const { error, input } = thrown as { readonly error?: unknown; readonly input?: unknown };
  if (typeof error !== "string") return `is no RE2 expression: ${preview(errorMessage(thrown), 200)}`;
  const part = typeof input === "string" ? input : "";
  const at = regex.indexOf(part);
  const where = at < 0 || part === "" || part === regex ? "" : `, at character ${at + 1}: "${preview(part)}"`;
  return `is no RE2 expression: ${error}${where}${advice(part)}`;
}

/** For what other languages have and RE2, which promises to be linear, has not. */
function advice(part: string): string {
  if (/^\(\?<?[=!]/.test(part)) return "; RE2 does not look ahead or behind";
  return /^\\\d/.test(part) ? "; RE2 has no references back to a group" : "";
}
