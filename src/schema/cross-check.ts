import type { BaseIssue, BaseValidation } from "valibot";
import { below, issueOf } from "./issue.ts";

/** Says what is wrong with the argument at `path`, relative to the table that is checked. */
export type Report = (path: readonly (string | number)[], message: string) => void;

/**
 * A check of several arguments of a table against each other. It runs as soon as the arguments it `reads` are right, even where
 * others are not, so that it too is reported in one go with the rest.
 */
export function crossCheck<Input extends object>(
  reads: readonly (keyof Input & string)[],
  check: (input: Input, report: Report) => void,
): BaseValidation<Input, Input, BaseIssue<unknown>> {
  return {
    kind: "validation",
    type: "cross_check",
    reference: crossCheck,
    expects: null,
    async: false,
    "~run"(dataset) {
      const issues: BaseIssue<unknown>[] = [...(dataset.issues ?? [])];
      if (issues.some((issue) => concerns(issue, reads))) return dataset;
      const input = dataset.value as Input;
      check(input, (path, message) => issues.push(issueAt(input, path, message)));
      return (issues.length > 0 ? { ...dataset, issues } : dataset) as typeof dataset;
    },
  };
}

/** Whether the issue leaves an argument without the value that a check of it needs. What is only not carried out yet does not. */
function concerns({ type, path }: BaseIssue<unknown>, reads: readonly string[]): boolean {
  return !path || (type !== "not_yet" && reads.includes(String(path[0].key)));
}

function issueAt(input: unknown, path: readonly (string | number)[], message: string): BaseIssue<unknown> {
  const [key, ...rest] = path;
  if (key === undefined) return issueOf("cross_check", input, message);
  const value: unknown = (input as Record<string | number, unknown> | undefined)?.[key];
  return below(issueAt(value, rest, message), input, key);
}
