import type { Groups } from "./pattern.ts";

/** A text with references to groups, taken apart: `ch${1}` is `ch` and the group 1. */
export type Template = readonly TemplatePart[];

type TemplatePart = string | { readonly group: number | string };

// A name is the longest run of letters, digits and underscores, as Go's regexp.Expand has it: in $1x it is "1x".
const reference = /\$(?:\$|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu;

/** `$$` is a dollar sign, and so is a dollar sign that begins no reference. */
export function parseTemplate(text: string): Template {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const match of text.matchAll(reference)) {
    const [whole, bare, braced] = match;
    const name = bare ?? braced;
    parts.push(text.slice(end, match.index), name === undefined ? "$" : { group: groupOf(name) });
    end = match.index + whole.length;
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== "");
}

function groupOf(name: string): number | string {
  return /^[0-9]{1,8}$/.test(name) ? Number(name) : name;
}

export function expand(template: Template, groups: Groups): string {
  let text = "";
  for (const part of template) text += typeof part === "string" ? part : groups(part.group);
  return text;
}

/** The text where it refers to no group. */
export function constantOf(template: Template): string | undefined {
  return template.every((part) => typeof part === "string") ? template.join("") : undefined;
}
