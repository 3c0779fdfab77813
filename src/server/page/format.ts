import { html } from "hono/html";
import type { Html } from "./html.ts";

/** How long something took: `12 ms`, `14.2 s`, `3 min`. */
export function took(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : span(ms);
}

/** How long ago a point in time was; the exact time on hover. */
export function ago(timeMs: number, nowMs: number): Html {
  const pastMs = nowMs - timeMs;
  return timeElement(timeMs, pastMs < 1000 ? "just now" : `${span(pastMs)} ago`);
}

/** How soon a point in time comes; the exact time on hover. */
export function until(timeMs: number, nowMs: number): Html {
  const leftMs = timeMs - nowMs;
  return timeElement(timeMs, leftMs < 1000 ? "now" : `in ${span(leftMs)}`);
}

/** `1 profile`, `2 profiles` */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** Digits in groups of three, the same for every reader: `12 345`. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** Whole units, the largest that fits: `8 s`, `3 min`, `5 h`, `2 d`. */
function span(ms: number): string {
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

function timeElement(timeMs: number, text: string): Html {
  const exact = new Date(timeMs).toISOString();
  return html`<time datetime="${exact}" title="${exact}">${text}</time>`;
}
