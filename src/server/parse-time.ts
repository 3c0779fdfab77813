import { Duration } from "../base/index.ts";

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)$/;
const unixSeconds = /^\d{1,11}(?:\.\d+)?$/;

/**
 * A point in time as a person or a script writes it in a URL: RFC 3339, seconds since 1970, `now`, or `now-5m` with a
 * duration in Go's form. In milliseconds since 1970; `undefined` for anything else.
 */
export function parseTime(text: string, nowMs: number): number | undefined {
  if (text === "now") return nowMs;
  if (text.startsWith("now-")) {
    const back = Duration.parse(text.slice("now-".length));
    return back && back.ms >= 0 ? nowMs - back.ms : undefined;
  }
  if (unixSeconds.test(text)) return Number(text) * 1000;
  // A "+" that was not written as %2B in the URL arrives as a space.
  const dateTime = text.replace(" ", "+");
  const timeMs = rfc3339.test(dateTime) ? Date.parse(dateTime) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
