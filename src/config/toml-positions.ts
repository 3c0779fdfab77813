import { type AST, parseTOML } from "toml-eslint-parser";
import type { Path } from "./finding.ts";
import { type Position, Positions } from "./positions.ts";

/** Where everything stands in a TOML text that is known to be valid. */
export function tomlPositions(text: string): Positions {
  const positions = new Positions();
  const [top] = parseTOML(text).body;
  for (const node of top.body) {
    if (node.type === "TOMLKeyValue") addKeyValue(node, [], positions);
    else addTable(node, positions);
  }
  return positions;
}

function addTable(table: AST.TOMLTable, positions: Positions): void {
  let named = 0;
  for (const [index, key] of table.resolvedKey.entries()) {
    // An index of a list stands for the key before it.
    const node = table.key.keys[typeof key === "number" ? named - 1 : named++];
    if (node) positions.add(table.resolvedKey.slice(0, index + 1), startOf(node), startOf(node));
  }
  for (const pair of table.body) addKeyValue(pair, table.resolvedKey, positions);
}

function addKeyValue(pair: AST.TOMLKeyValue, above: Path, positions: Positions): void {
  let path = above;
  const { keys } = pair.key;
  for (const [index, key] of keys.entries()) {
    path = [...path, key.type === "TOMLBare" ? key.name : key.value];
    if (index < keys.length - 1) positions.add(path, startOf(key), startOf(key));
    else addValue(pair.value, path, { positions, key: startOf(key) });
  }
}

function addValue(
  value: AST.TOMLContentNode,
  path: Path,
  { positions, key }: { positions: Positions; key: Position },
): void {
  positions.add(path, key, startOf(value));
  if (value.type === "TOMLInlineTable") for (const pair of value.body) addKeyValue(pair, path, positions);
  if (value.type === "TOMLArray")
    for (const [index, item] of value.elements.entries())
      addValue(item, [...path, index], { positions, key: startOf(item) });
}

function startOf({ loc: { start } }: { readonly loc: AST.SourceLocation }): Position {
  return { line: start.line, column: start.column + 1 };
}
