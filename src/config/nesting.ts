import { isTable } from "../schema/index.ts";
import type { Position } from "./positions.ts";

/** How deep tables and lists may nest. No argument needs ten; what reads the tree calls itself at each level. */
export const maxNesting = 64;

export const tooDeep = `nests deeper than ${maxNesting} levels, which no configuration does`;

/** Where a JSON text opens one table or list too many. Reads brackets only, so that the text need not be valid. */
export function jsonTooDeepAt(text: string): Position | undefined {
  let depth = 0;
  let line = 1;
  let lineStart = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\\n]|\\.)*"?|[[{\]}\n]/g)) {
    if (token === "\n") {
      line++;
      lineStart = index + 1;
    } else if (token === "]" || token === "}") depth--;
    else if ((token === "[" || token === "{") && ++depth > maxNesting) return { line, column: index - lineStart + 1 };
  }
  return undefined;
}

/** Whether a parsed tree nests too deep: dotted keys make levels that no bracket shows. */
export function isTooDeep(tree: unknown): boolean {
  let level: readonly unknown[] = [tree];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxNesting) return true;
    level = level.flatMap(childrenOf).filter((value) => typeof value === "object" && value !== null);
  }
  return false;
}

function childrenOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isTable(value) ? Object.values(value) : [];
}
