import { preview } from "../base/index.ts";
import type { RuleArguments } from "./arguments.ts";
import { groupsOf, type RegexGroups } from "./pattern.ts";
import { parseTemplate, type Template } from "./template.ts";

/**
 * References to groups that the expression of their rule does not have, a sentence each. They are legal, and empty, as in Prometheus; but `$1x` is
 * the group `1x`, where nearly everybody means group 1 and an x. `prepareRules` has to come before.
 */
export function missingGroupWarnings(id: string, rules: readonly RuleArguments[]): readonly string[] {
  return rules.flatMap((rule, index) =>
    templatesOf(rule).flatMap(({ argument, written, ifEmpty }) => {
      const problem = problemOf(written, { regex: rule.regex, ifEmpty });
      return problem === undefined ? [] : [`rule[${index}] of ${id}: ${argument} ${problem}`];
    }),
  );
}

/** An argument that may refer to groups, and what it means that nothing is left of it. */
interface WrittenTemplate {
  readonly argument: "replacement" | "target_label";
  readonly written: string;
  readonly ifEmpty: string;
}

function templatesOf({ action, replacement, target_label: target = "" }: RuleArguments): readonly WrittenTemplate[] {
  if (action === "labelmap")
    return [{ argument: "replacement", written: replacement, ifEmpty: "and nothing is copied" }];
  if (action !== "replace") return [];
  return [
    { argument: "target_label", written: target, ifEmpty: "and the rule does nothing" },
    { argument: "replacement", written: replacement, ifEmpty: `which removes "${preview(target)}"` },
  ];
}

function problemOf(
  written: string,
  { regex, ifEmpty }: Pick<WrittenTemplate, "ifEmpty"> & { readonly regex: string },
): string | undefined {
  const template = parseTemplate(written);
  const groups = groupsOf(regex);
  const missing = template.find((part) => isMissing(part, groups));
  if (missing === undefined || typeof missing === "string") return undefined;
  const left = template
    .filter((part) => !isMissing(part, groups))
    .map(inWriting)
    .join("");
  const outcome = left === "" ? `empty, ${ifEmpty}` : `"${preview(left)}"`;
  const why = `the regex "${preview(regex)}" has no group "${preview(String(missing.group))}"`;
  return `"${preview(written)}" becomes ${outcome}, for ${why}; ${adviceFor(missing.group, groups)}`;
}

type Part = Template[number];

function isMissing(part: Part, { count, names }: RegexGroups): boolean {
  if (typeof part === "string") return false;
  return typeof part.group === "number" ? part.group > count : !names.includes(part.group);
}

function inWriting(part: Part): string {
  return typeof part === "string" ? part : `\${${part.group}}`;
}

/** What was meant, as far as it can be guessed. */
function adviceFor(group: number | string, { names }: RegexGroups): string {
  if (typeof group === "number") return "put parentheses around what it stands for";
  const [, start, rest = ""] = startsWithOneOf(group, names) ?? /^(\d+)(.+)$/u.exec(group) ?? [];
  if (start !== undefined) return `write \${${start}}${preview(rest)}`;
  return /^[A-Z_]+$/.test(group)
    ? "environment variables are not expanded in rules"
    : `a group gets its name by (?P<${preview(group)}>...)`;
}

function startsWithOneOf(group: string, names: readonly string[]): readonly string[] | undefined {
  const [name] = names.filter((known) => group.startsWith(known)).sort((a, b) => b.length - a.length);
  return name === undefined ? undefined : [group, name, group.slice(name.length)];
}
