import { html } from "hono/html";
import { oneLine } from "../../base/index.ts";

/** Escaped HTML; the page is made of nothing else. */
export type Html = ReturnType<typeof html>;

/** Text from outside on one line, of bounded length, and set apart so that right-to-left text cannot reorder what is around it. */
export function outsideText(text: string, maxLength = 200): Html {
  return html`<bdi>${oneLine(text, maxLength)}</bdi>`;
}

/** A table cell that speaks for itself. */
export function cell(content: unknown): Html {
  return html`<td>${content}</td>`;
}

/** A table cell that needs its column's name beside it where the screen is too narrow for columns. */
export function namedCell(name: string, content: unknown): Html {
  return html`<td data-name="${name}">${content}</td>`;
}

/** A state in a word and a colour. */
export function state(word: string, tone: Tone): Html {
  return html`<span class="state ${tone}">${word}</span>`;
}

export type Tone = "good" | "bad" | "idle";

/** The tone of a target's health or an endpoint's state. */
export const toneOf = { up: "good", down: "bad", unknown: "idle" } as const satisfies Record<string, Tone>;
