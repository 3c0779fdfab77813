import * as v from "valibot";
import { limits, preview } from "../base/index.ts";
import { labelNamePattern } from "../model/index.ts";
import { typeName } from "./argument.ts";
import { foundKind } from "./found-kind.ts";
import { losesDigits, losesDigitsMessage } from "./loses-digits.ts";
import { mapOf } from "./shapes.ts";

/** Why this cannot be the name of a label; `undefined` where it can. */
export function labelNameProblem(name: string): string | undefined {
  if (labelNamePattern.test(name)) return undefined;
  if (name === "") return "a label name must not be empty";
  return `"${preview(name)}" cannot be a label name: it must match [a-zA-Z_][a-zA-Z0-9_.]*${nameHint(name)}`;
}

function nameHint(name: string): string {
  // A URL, perhaps with a password in it, was never meant to be a name.
  if (name.includes("@")) return "";
  const legal = name.replace(/[^a-zA-Z0-9_.]/g, "_").replace(/^[^a-zA-Z_]/, "_$&");
  return `; "${preview(legal)}" would do`;
}

/** The value of a label; numbers and booleans are taken as they are written. */
export function labelValue() {
  return v.pipe(
    v.union(
      [v.string(), v.number(), v.bigint(), v.boolean()],
      ({ input }) => `expected a label value (a string, a number, true or false), found ${foundKind(input)}`,
    ),
    v.check((value) => !losesDigits(value), losesDigitsMessage),
    v.transform(String),
    v.check((value) => value.isWellFormed(), "is not valid Unicode"),
    v.maxLength(
      limits.labelValueLength,
      ({ input }) => `a label value has at most ${limits.labelValueLength} characters, found ${input.length}`,
    ),
  );
}

/** Labels as a table. */
export function labels(nameProblem: (name: string) => string | undefined = labelNameProblem) {
  return v.pipe(
    mapOf(labelValue(), { keyProblem: nameProblem }),
    v.check(
      (value) => Object.keys(value).length <= limits.targetLabels,
      ({ input }) => `at most ${limits.targetLabels} labels are taken, found ${Object.keys(input).length}`,
    ),
    typeName("table of labels"),
  );
}
