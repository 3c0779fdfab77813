import type * as v from "valibot";
import type { PathContext } from "../schema/index.ts";
import type { Finding, Path } from "./finding.ts";

export interface CheckOptions extends PathContext {
  /** Where the value stands in the tree. */
  readonly path: Path;
  readonly findings: Finding[];
}

/** Issues that blame a key, not the value behind it. */
const ofKeys: ReadonlySet<string> = new Set(["unknown_key", "missing_key", "bad_key", "bad_table", "not_yet"]);

/** What the schema makes of the value, which is only whole where it adds no finding. */
export function checkSchema(schema: v.GenericSchema, value: unknown, options: CheckOptions): unknown {
  const { path, findings, directory } = options;
  const config = { ...(directory !== undefined && { directory }) } satisfies PathContext;
  const result = schema["~run"]({ value }, config as v.Config<v.BaseIssue<unknown>>);
  for (const issue of result.issues ?? []) {
    const keys = (issue.path ?? []).map(({ key }) => key as string | number);
    findings.push({
      path: [...path, ...keys],
      at: ofKeys.has(issue.type) ? "key" : "value",
      message: issue.message,
      type: issue.type,
    });
  }
  return result.value;
}
