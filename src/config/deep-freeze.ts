import { isTable } from "../schema/index.ts";

/** Freezes tables and lists all the way down; what has a class (durations, secrets) cannot be changed anyway. */
export function deepFreeze<T>(value: T): T {
  if (Array.isArray(value)) for (const item of value) deepFreeze(item);
  else if (isTable(value)) for (const item of Object.values(value)) deepFreeze(item);
  else return value;
  return Object.freeze(value);
}
