import { escaped } from "../base/index.ts";

export interface JsonTextOptions {
  /** Spaces before every line but the first. */
  readonly indent?: number;
}

/** A value as JSON that can also be read on a terminal: nothing in it is obeyed there, and its lines are its own. */
export function jsonText(value: unknown, { indent = 0 }: JsonTextOptions = {}): string {
  const lines = JSON.stringify(value, null, 2).split("\n");
  return lines.map(escaped).join(`\n${" ".repeat(indent)}`);
}
