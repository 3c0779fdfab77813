import { html } from "hono/html";
import { formatSpan, limits } from "../../base/index.ts";
import type { Html } from "./html.ts";

/** How long something took: `12 ms`, `14.2 s`, `3 min`. */
export function took(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : formatSpan(ms);
}

/** How long ago a point in time was; the exact time on hover. */
export function ago(timeMs: number, nowMs: number): Html {
  const pastMs = nowMs - timeMs;
  return timeElement(timeMs, pastMs < 1000 ? "just now" : `${formatSpan(pastMs)} ago`);
}

/** How soon a point in time comes; the exact time on hover. */
export function until(timeMs: number, nowMs: number): Html {
  const leftMs = timeMs - nowMs;
  return timeElement(timeMs, leftMs < 1000 ? "now" : `in ${formatSpan(leftMs)}`);
}

/** Whether a difference of two clocks is worth a word. */
export function isNotable(skewMs: number): boolean {
  return Math.abs(skewMs) >= limits.notableSkewMs;
}

/** `3 min ahead of`, `2 h behind` */
export function skew(skewMs: number): string {
  return `${formatSpan(Math.abs(skewMs))} ${skewMs > 0 ? "ahead of" : "behind"}`;
}

/** `1 profile`, `2 profiles` */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Digits in groups of three, the same for every reader: `12 345`. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

function timeElement(timeMs: number, text: string): Html {
  const exact = new Date(timeMs).toISOString();
  return html`<time datetime="${exact}" title="${exact}">${text}</time>`;
}
