import { maskedSecret } from "../base/index.ts";
import type { Hop } from "./hop.ts";

/** Headers whose values are no secrets, however they came about. */
const plainHeaders: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "connect-protocol-version",
  "connect-timeout-ms",
  "content-encoding",
  "content-length",
  "content-type",
  "host",
  "user-agent",
  "x-scope-orgid",
]);

// One letter would mask every word.
const shortestSecret = 4;

/**
 * Masks what a request authenticated with in the words that came back: servers quote what they do not like, in as many shapes as
 * they were sent.
 */
export function maskEcho(text: string, { headers }: Hop): string {
  let masked = text;
  for (const secret of secretsOf(headers)) masked = masked.replaceAll(secret, maskedSecret);
  return masked;
}

function secretsOf(headers: Hop["headers"]): readonly string[] {
  const secrets = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    if (plainHeaders.has(name)) continue;
    for (const each of [value].flat()) for (const shape of shapesOf(each)) secrets.add(shape);
  }
  // The longest first, so that none is left over in part.
  return [...secrets].filter(({ length }) => length >= shortestSecret).sort((a, b) => b.length - a.length);
}

function shapesOf(value: string): readonly string[] {
  const [, scheme, credentials] = /^(\S+) (.+)$/.exec(value) ?? [];
  if (credentials === undefined) return [value, encodeURIComponent(value)];
  const decoded = scheme?.toLowerCase() === "basic" ? Buffer.from(credentials, "base64").toString() : "";
  const password = decoded.slice(decoded.indexOf(":") + 1);
  return [value, credentials, encodeURIComponent(credentials), decoded, password];
}
