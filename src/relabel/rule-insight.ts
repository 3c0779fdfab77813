import { quoted } from "../base/index.ts";
import { formatLabel, type Label, type Labels, labelValue, withoutPasswords } from "../model/index.ts";
import type { RuleArguments } from "./arguments.ts";
import { compilePattern } from "./pattern.ts";
import { expand, parseTemplate } from "./template.ts";

/** What a rule saw in one label set, for people. No password is in it. */
export interface RuleInsight {
  /** The values of the source labels, joined; absent where it looks at names. */
  readonly input?: string;
  /** Whether the expression matches, or the values are equal; absent where nothing is compared. */
  readonly matched?: boolean;
  /** Why it kept or dropped the set, or set nothing in it: `team="shop" does not match (the whole must)`. */
  readonly because?: string;
}

type Insight = (labels: Labels) => RuleInsight;

const noSuchName = "no label has such a name";

/** What tells why a rule does what it does. Compiled when it is first asked: an agent that runs never asks. */
export function insightOf(rule: RuleArguments): Insight {
  let compiled: Insight | undefined;
  return (labels) => (compiled ??= insights[rule.action](rule))(labels);
}

const insights: Readonly<Record<RuleArguments["action"], (rule: RuleArguments) => Insight>> = {
  replace,
  keep: matching,
  drop: matching,
  keepequal: equal,
  dropequal: equal,
  hashmod: writing,
  labelmap,
  labeldrop: (rule) => naming(rule, { removes: true, idle: noSuchName }),
  labelkeep: (rule) => naming(rule, { removes: false, idle: "every label has such a name" }),
  lowercase: writing,
  uppercase: writing,
};

/** What the source labels hold. */
interface Source {
  readonly text: string;
  /** The same without passwords. */
  readonly shown: string;
  /** `team="shop"`, or `team is absent`. */
  readonly words: string;
  readonly isOneAbsent: boolean;
}

function sourceOf({ source_labels: names = [], separator }: RuleArguments, labels: Labels): Source {
  const own = names.map((name) => ({ name, value: labelValue(labels, name) }));
  const joined = (of: Labels): string => of.map(({ value }) => value).join(separator);
  const shown = joined(withoutPasswords(own));
  const each = own.map(stateOf).join(", ");
  const [first] = own;
  const one = first === undefined ? "the empty text, for want of source_labels," : each;
  const words = own.length > 1 ? `${each}: ${quoted(inShort(shown))}` : one;
  return { text: joined(own), shown, words, isOneAbsent: own.length === 1 && first?.value === "" };
}

function stateOf(label: Label): string {
  const [{ name, value } = label] = withoutPasswords([label]);
  return value === "" ? `${name} is absent` : formatLabel({ name, value: inShort(value) });
}

/** More of a value would hide the rest of the sentence. */
const shownLength = 128;

/** Blanks stay: they may be why it does not match. */
function inShort(text: string): string {
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
}

function insight({ shown }: Source, matched: boolean, because?: string): RuleInsight {
  return { input: shown, matched, ...(because !== undefined && { because }) };
}

function matchWords({ words, isOneAbsent }: Source, isMatch: boolean): string {
  if (isMatch) return isOneAbsent ? `${words}, and the empty text matches` : `${words} matches`;
  return isOneAbsent ? words : `${words} does not match (the whole must)`;
}

function matching(rule: RuleArguments): Insight {
  const pattern = compilePattern(rule.regex);
  return (labels) => {
    const source = sourceOf(rule, labels);
    const isMatch = pattern(source.text) !== undefined;
    return insight(source, isMatch, matchWords(source, isMatch));
  };
}

function equal(rule: RuleArguments): Insight {
  const target = rule.target_label ?? "";
  return (labels) => {
    const source = sourceOf(rule, labels);
    const other = { name: target, value: labelValue(labels, target) };
    const isEqual = other.value === source.text;
    return insight(source, isEqual, equalWords(source, { isEqual, other }));
  };
}

function equalWords({ words, isOneAbsent }: Source, { isEqual, other }: { isEqual: boolean; other: Label }): string {
  if (isOneAbsent) return isEqual ? `${words}, and so is ${other.name}` : `${words}, and ${stateOf(other)}`;
  const state = other.value === "" ? `${other.name}, which is absent` : stateOf(other);
  return `${words} ${isEqual ? "equals" : "does not equal"} ${state}`;
}

function replace(rule: RuleArguments): Insight {
  const pattern = compilePattern(rule.regex);
  const target = parseTemplate(rule.target_label ?? "");
  const replacement = parseTemplate(rule.replacement);
  return (labels) => {
    const source = sourceOf(rule, labels);
    const groups = pattern(source.text);
    if (!groups) return insight(source, false, matchWords(source, false));
    const written = { name: expand(target, groups), value: expand(replacement, groups) };
    return insight(source, true, whyNotWritten(written, { rule, source, labels }));
  };
}

/** Why a label is not set though the expression matches. */
function whyNotWritten(
  { name, value }: { readonly name: string; readonly value: string },
  { rule, source, labels }: { readonly rule: RuleArguments; readonly source: Source; readonly labels: Labels },
): string | undefined {
  const empty = name === "" ? rule.target_label : value === "" ? rule.replacement : undefined;
  if (empty !== undefined && empty !== "")
    return source.isOneAbsent ? source.words : `${source.words} matches, but ${quoted(empty)} is empty`;
  const before = labelValue(labels, name);
  if (before !== value) return undefined;
  return value === "" ? `${name} is absent already` : alreadyThere(name, labels);
}

function alreadyThere(name: string, labels: Labels): string {
  return `${stateOf({ name, value: labelValue(labels, name) })} is there already`;
}

/** Of the actions that write something of the values, whatever they are; where they change nothing. */
function writing(rule: RuleArguments): Insight {
  const target = rule.target_label ?? "";
  return (labels) => {
    const source = sourceOf(rule, labels);
    const because =
      source.isOneAbsent || labelValue(labels, target) === "" ? source.words : alreadyThere(target, labels);
    return { input: source.shown, because };
  };
}

function labelmap(rule: RuleArguments): Insight {
  const pattern = compilePattern(rule.regex);
  const replacement = parseTemplate(rule.replacement);
  return (labels) => {
    const matches = labels.map(({ name }) => pattern(name)).filter((groups) => groups !== undefined);
    if (matches.length === 0) return { matched: false, because: noSuchName };
    const isNothing = matches.every((groups) => expand(replacement, groups) === "");
    const because = isNothing
      ? `names match, but ${quoted(rule.replacement)} is empty`
      : "the copies are there already";
    return { matched: true, because };
  };
}

/** `removes`: whether what matches goes, or what does not. */
function naming({ regex }: RuleArguments, { removes, idle }: { removes: boolean; idle: string }): Insight {
  const pattern = compilePattern(regex);
  return (labels) => {
    const isAny = labels.some(({ name }) => (pattern(name) !== undefined) === removes);
    return { matched: isAny === removes, ...(!isAny && { because: idle }) };
  };
}
