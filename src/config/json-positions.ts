import { type Node, parseTree } from "jsonc-parser";
import type { Path } from "./finding.ts";
import { positionAt } from "./json-syntax-problems.ts";
import { Positions } from "./positions.ts";

/** Where everything stands in a JSON text that is known to be valid. */
export function jsonPositions(text: string): Positions {
  const positions = new Positions();
  const root = parseTree(text);
  if (root) addChildren(root, [], { positions, text });
  return positions;
}

function addChildren(node: Node, path: Path, target: { positions: Positions; text: string }): void {
  const { positions, text } = target;
  for (const [index, child] of (node.children ?? []).entries()) {
    const [key = child, value = child] = child.type === "property" ? (child.children ?? []) : [];
    const at = [...path, child.type === "property" ? (key.value as string) : index];
    positions.add(at, positionAt(text, key.offset), positionAt(text, value.offset));
    addChildren(value, at, target);
  }
}
