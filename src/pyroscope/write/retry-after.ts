import { writeLimits } from "./limits.ts";

/**
 * The wait that a reply asks for (RFC 9110, 10.2.3: seconds or a date), in milliseconds; `undefined` where it asks for none. A date is
 * measured against the server's own `Date`, because the box's clock may be wrong.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, nowMs: number): number | undefined {
  const text = headers["retry-after"]?.trim();
  if (!text) return undefined;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : untilDate(text, Date.parse(headers["date"] ?? "") || nowMs);
  return waitMs > 0 ? Math.min(waitMs, writeLimits.retryAfterMs) : undefined;
}

function untilDate(text: string, nowMs: number): number {
  const atMs = Date.parse(text);
  // A bare or signed number is a date to Date.parse, and none to HTTP.
  return /[a-z]/i.test(text) && !Number.isNaN(atMs) ? atMs - nowMs : 0;
}
