import type { Secret } from "../base/index.ts";

/** Configured headers as they are sent. */
export function revealedHeaders(
  headers: Readonly<Record<string, readonly Secret[]>> = {},
): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, values.map((one) => one.reveal())]));
}
