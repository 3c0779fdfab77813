import { preview } from "../../base/index.ts";

// kubernetes.io, "Labels and Selectors" and "Object Names": a name, perhaps behind the prefix of its owner.
const name = "[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?";
const key = `(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?${name}`;
const value = `(?:${name})?`;
const requirement = new RegExp(
  `^\\s*(?:!?\\s*${key}|${key}\\s*(?:==?|!=)\\s*${value}|${key}\\s*[<>]\\s*-?\\d+|${key}\\s+(?:in|notin)\\s*\\(\\s*${value}(?:\\s*,\\s*${value})*\\s*\\))\\s*$`,
);

/** What is wrong with a label selector; `undefined` where the API server would take it. */
export function labelSelectorProblem(selector: string): string | undefined {
  if (selector.trim() === "") return undefined;
  // Commas in parentheses belong to a set.
  const wrong = selector.split(/,(?![^(]*\))/).find((part) => !requirement.test(part));
  return wrong === undefined
    ? undefined
    : `expected a label selector such as "app=shop,tier in (web, api),!canary", found "${preview(wrong.trim())}"`;
}

/** What is wrong with a field selector. Which fields there are, the API server says. */
export function fieldSelectorProblem(selector: string): string | undefined {
  if (selector.trim() === "") return undefined;
  const wrong = selector.split(/(?<!\\),/).find((part) => !/^\s*[A-Za-z][\w.[\]/-]*\s*(?:==?|!=)/.test(part));
  return wrong === undefined
    ? undefined
    : `expected a field selector such as "status.phase=Running,spec.nodeName=edge-7", found "${preview(wrong.trim())}"`;
}
