import * as v from "valibot";
import { Secret, userinfoPattern } from "../base/index.ts";
import { typeName } from "./argument.ts";
import { foundKind } from "./found-kind.ts";
import { losesDigits, losesDigitsMessage } from "./loses-digits.ts";

/** A value that is never shown, in no message either. Only text: a number has lost how it was written (0x1F, 1e3, 1.10). */
export function secret() {
  return v.pipe(
    v.string(secretProblem),
    carriable(),
    v.transform((value) => new Secret(value)),
    typeName("secret"),
  );
}

/** Text that may turn out to be a secret: numbers and booleans are taken as they are written. */
export function secretText() {
  return v.pipe(
    v.union([v.string(), v.number(), v.boolean()], secretProblem),
    v.check((value) => !losesDigits(value), losesDigitsMessage),
    v.transform(String),
    carriable(),
    typeName("string"),
  );
}

/** What to say of a value that is no string, where it may be a secret. */
export function secretProblem({ input }: { readonly input: unknown }): string {
  const unquoted = ["number", "bigint", "boolean"].includes(typeof input) || input instanceof Date;
  const advice = unquoted ? "; put it in quotes" : "";
  return `expected a string, found ${foundKind(input)} (not shown, it may be a secret)${advice}`;
}

function carriable() {
  return v.check<string, string>(
    // oxlint-disable-next-line no-control-regex -- a header with a line break would be two headers
    (value) => !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value),
    "holds a control character or line break; what stands there may be a secret and is not shown",
  );
}

/** A URL for a message: without userinfo and query, also where it is too broken to be parsed. */
export function shownUrl(url: string): string {
  return url.replace(userinfoPattern, "$1").replace(/[?#].*$/s, "");
}
