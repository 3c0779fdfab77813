import { expect, test } from "bun:test";
import { retryAfterMs } from "../../../src/pyroscope/write/retry-after.ts";

const nowMs = Date.UTC(2030, 0, 1);
const at = (offsetMs: number): string => new Date(nowMs + offsetMs).toUTCString();

const table: [string, Record<string, string>, number | undefined][] = [
  ["no header", {}, undefined],
  ["an empty one", { "retry-after": "" }, undefined],
  ["seconds", { "retry-after": "7" }, 7000],
  ["seconds with space around", { "retry-after": " 7 " }, 7000],
  ["no seconds: back-off as usual", { "retry-after": "0" }, undefined],
  ["negative seconds", { "retry-after": "-5" }, undefined],
  ["a fraction, which HTTP has not", { "retry-after": "1.5" }, undefined],
  ["nonsense", { "retry-after": "soon" }, undefined],
  ["a date", { "retry-after": at(30_000) }, 30_000],
  ["a date that has passed", { "retry-after": at(-30_000) }, undefined],
  ["a date by a server's clock an hour ahead", { "retry-after": at(3_630_000), date: at(3_600_000) }, 30_000],
  ["a day, shortened", { "retry-after": "86400" }, 600_000],
];
test.each(table)("Retry-After: %s", (_, headers, expected) => {
  expect(retryAfterMs(headers, nowMs)).toBe(expected as number);
});
