import * as v from "valibot";
import { foundKind } from "./found-kind.ts";
import { below, issueOf, type Outcome, outcomeOf, running } from "./issue.ts";
import { written } from "./written.ts";

export interface TableOptions {
  /** What to say of an unknown key that has its own answer. */
  readonly refuse?: (key: string) => string | undefined;
  /** What to say of any other unknown key, unless a known one looks like it. */
  readonly unknown?: (key: string) => string;
}

export interface MapOptions {
  /** What is wrong with a key. */
  keyProblem?(key: string): string | undefined;
  /** What is wrong with the table as a whole. */
  tableProblem?(input: Readonly<Record<string, unknown>>): string | undefined;
}

/** A table of the file: an object made by a parser. */
export function isTable(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * A table with these arguments and no others. valibot's strictObject stops at the first unknown key and takes a list for a table;
 * this one reports every key: issues of type `unknown_key` and `missing_key`.
 */
export function table<const Entries extends v.ObjectEntries>(
  entries: Entries,
  options: TableOptions = {},
): v.StrictObjectSchema<Entries, undefined> {
  return running(v.strictObject(entries), (input, config) => {
    if (!isTable(input)) return notATable(input, entries);
    const values: [key: string, value: unknown][] = [];
    const issues: v.BaseIssue<unknown>[] = [];
    let typed = true;
    const take = (key: string, outcome: Outcome): void => {
      for (const issue of outcome.issues) issues.push(below(issue, input, key));
      typed &&= outcome.typed;
    };
    for (const [key, schema] of Object.entries(entries) as [string, v.GenericSchema][]) {
      const absent = !Object.hasOwn(input, key);
      if (absent && schema.type !== "optional") {
        take(key, failed("missing_key", undefined, missing(key, schema)));
        continue;
      }
      const outcome = outcomeOf(schema, input[key], config);
      take(key, outcome);
      if (outcome.value !== undefined) values.push([key, outcome.value]);
    }
    for (const key of Object.keys(input)) if (!Object.hasOwn(entries, key)) take(key, unknownKey(key, options));
    return { typed, value: Object.fromEntries(values), issues };
  });
}

/** A table whose keys the user chooses. */
export function mapOf<Value extends v.GenericSchema>(
  value: Value,
  options: MapOptions = {},
): v.RecordSchema<v.StringSchema<undefined>, Value, undefined> {
  return running(v.record(v.string(), value), (input, config) => {
    if (!isTable(input)) return notATable(input);
    const wrong = options.tableProblem?.(input);
    if (wrong !== undefined) return failed("bad_table", input, wrong);
    const values: [key: string, value: unknown][] = [];
    const issues: v.BaseIssue<unknown>[] = [];
    let typed = true;
    for (const [key, item] of Object.entries(input)) {
      const problem = options.keyProblem?.(key);
      const outcome = problem === undefined ? outcomeOf(value, item, config) : failed("bad_key", key, problem);
      issues.push(...outcome.issues.map((issue) => below(issue, input, key)));
      typed &&= outcome.typed;
      values.push([key, outcome.value]);
    }
    // Unlike assignment, fromEntries also keeps a key named __proto__.
    return { typed, value: Object.fromEntries(values), issues };
  });
}

/** One of several schemas, chosen by looking at the value, so that a message speaks of the one that was meant. */
export function choose<const Options extends readonly v.GenericSchema[]>(
  options: Options,
  pick: (input: unknown) => number,
): v.UnionSchema<Options, undefined> {
  return running(v.union(options), (input, config) =>
    outcomeOf(options[pick(input)] as v.GenericSchema, input, config),
  );
}

/** A list, or a single item where a list of one is meant. */
export function oneOrMany<Item extends v.GenericSchema>(
  item: Item,
): v.GenericSchema<v.InferInput<Item> | readonly v.InferInput<Item>[], readonly v.InferOutput<Item>[]> {
  const list = v.array(item);
  const either: v.GenericSchema = v.union([list, item]);
  return running(either, (input, config) => {
    if (Array.isArray(input)) return outcomeOf(list, input, config);
    const one = outcomeOf(item, input, config);
    return { ...one, value: [one.value] };
  }) as v.GenericSchema<v.InferInput<Item> | readonly v.InferInput<Item>[], readonly v.InferOutput<Item>[]>;
}

function failed(type: string, input: unknown, message: string): Outcome {
  return { typed: false, value: input, issues: [issueOf(type, input, message)] };
}

/** Of what was found, only the kind is told: people write `basic_auth = "user:password"`. */
function notATable(input: unknown, entries: v.ObjectEntries = {}): Outcome {
  return failed("not_a_table", input, `expected a table, found ${foundKind(input)}${tableAdvice(input, entries)}`);
}

function tableAdvice(input: unknown, entries: v.ObjectEntries): string {
  const isList = Array.isArray(input);
  if (isList && input.every(isTable)) return "; drop the brackets around it";
  // What people write in short.
  if (isList && Object.hasOwn(entries, "names")) return "; write { names = [...] }";
  if (typeof input === "boolean" && Object.hasOwn(entries, "enabled")) return `; write { enabled = ${input} }`;
  return "";
}

function unknownKey(key: string, { refuse, unknown }: TableOptions): Outcome {
  const refusal = refuse?.(key);
  // Issues of type unknown_key are looked at again: `config` finds what may have been meant.
  return refusal === undefined
    ? failed("unknown_key", key, unknown?.(key) ?? "unknown argument")
    : failed("bad_key", key, refusal);
}

function missing(key: string, schema: v.GenericSchema): string {
  const [example] = v.getExamples(schema) as readonly unknown[];
  return `required, but missing${example === undefined ? "" : `; for example ${key} = ${written(example)}`}`;
}
