import { preview, withoutCredentials } from "../base/index.ts";
import { foundKind } from "./found-kind.ts";

/** What stood there, for a message: `"15 seconds"`, `the number 15`, `a table`. A URL shows no user, password or query. */
export function found(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(preview(withoutCredentials(value)));
  if (typeof value === "number" || typeof value === "bigint") return `the number ${value}`;
  if (typeof value === "boolean") return `${value}`;
  return foundKind(value);
}
