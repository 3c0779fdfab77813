import type { Duration } from "../base/index.ts";

const longestAnswerMs = 30_000;

/** How long one answer of a server may take that is asked at an interval: not so long that it would be asked again. */
export function answerTimeoutMs(interval: Duration): number {
  return Math.min(interval.ms, longestAnswerMs);
}
