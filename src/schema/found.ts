import { preview } from "../base/index.ts";
import { withoutCredentials } from "./secret.ts";

/** What stood there, for a message: `"15 seconds"`, `the number 15`, `a table`. A URL shows no user, password or query. */
export function found(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(preview(withoutCredentials(value)));
  if (typeof value === "number" || typeof value === "bigint") return `the number ${value}`;
  if (typeof value === "boolean") return `${value}`;
  return foundKind(value);
}

/** The kind of what stood there, for where the value itself may be a secret. */
export function foundKind(value: unknown): string {
  if (typeof value === "string") return "a string";
  if (typeof value === "number" || typeof value === "bigint") return "a number";
  if (typeof value === "boolean") return "a boolean";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  if (value === null) return "null";
  return "a table";
}
