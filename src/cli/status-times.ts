import { formatSpan } from "../base/index.ts";

/** `4 min` */
export function since(time: string, nowMs: number): string {
  return formatSpan(Math.max(0, nowMs - Date.parse(time)));
}

/** `4 min ago` */
export function ago(time: string | undefined, nowMs: number): string {
  return time === undefined ? "at an unknown time" : `${since(time, nowMs)} ago`;
}
