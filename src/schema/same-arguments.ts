import { isDeepStrictEqual } from "node:util";
import { Secret } from "../base/index.ts";

/** Whether two parsed arguments mean the same, secrets included, whose values a plain comparison does not see. */
export function sameArguments(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(revealed(a), revealed(b));
}

/** Tables and lists with the values of secrets in place of these. For comparing, never for showing. */
function revealed(value: unknown): unknown {
  if (value instanceof Secret) return { revealed: value.reveal() };
  if (Array.isArray(value)) return value.map(revealed);
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, revealed(member)]));
}

/** A table of the configuration; durations, sizes and the like compare as they are. */
function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));
}
