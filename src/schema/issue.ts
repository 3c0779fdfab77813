import type { BaseIssue, Config, GenericSchema, IssuePathItem } from "valibot";

/** What a schema of ours makes of a value. */
export interface Outcome {
  /** Whether `value` has the type that the schema promises. */
  readonly typed: boolean;
  readonly value: unknown;
  readonly issues: BaseIssue<unknown>[];
}

/** A schema of valibot's that runs in another way; its types, and all that is generated from it, stay. */
export function running<Schema extends GenericSchema>(
  schema: Schema,
  run: (input: unknown, config: Config<BaseIssue<unknown>>) => Outcome,
): Schema {
  return {
    ...schema,
    "~run"({ value }: { value: unknown }, config: Config<BaseIssue<unknown>>) {
      const { issues, ...outcome } = run(value, config);
      return issues.length > 0 ? { ...outcome, issues } : outcome;
    },
  };
}

/** What `schema` makes of `input`. */
export function outcomeOf(schema: GenericSchema, input: unknown, config: Config<BaseIssue<unknown>>): Outcome {
  const { typed, value, issues } = schema["~run"]({ value: input }, config);
  return { typed, value, issues: issues ?? [] };
}

/** `type` tells the configuration room what kind of problem it is. */
export function issueOf(type: string, input: unknown, message: string): BaseIssue<unknown> {
  return { kind: "schema", type, input, expected: null, received: "", message };
}

/** The issue as it looks from the table around it. */
export function below(issue: BaseIssue<unknown>, input: unknown, key: string | number): BaseIssue<unknown> {
  const value: unknown = (input as Record<string | number, unknown> | undefined)?.[key];
  const item: IssuePathItem = { type: "unknown", origin: "value", input, key, value };
  return { ...issue, path: [item, ...(issue.path ?? [])] };
}
