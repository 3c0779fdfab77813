import type { Position } from "./positions.ts";

const block = /^[ \t]*([a-z]\w*(?:\.\w+)+)[ \t]+"[^"\n]*"[ \t]*\{/m;

/** What to say of a file in Alloy's own language (once called River), which is no TOML; `undefined` for any other. */
export function alloyAt(text: string, path: string): (Position & { readonly message: string }) | undefined {
  const [start, name] = block.exec(text) ?? [];
  if (name === undefined && !/\.(?:alloy|river)$/i.test(path)) return undefined;
  const offset = start === undefined ? 0 : text.indexOf(start) + start.indexOf(name as string);
  const before = text.slice(0, offset);
  const position = { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
  const example = name === undefined ? "" : `: ${name} "LABEL" { … } is the table [${name}.LABEL]`;
  return {
    ...position,
    message: `this is Alloy's language, and the agent reads TOML or JSON${example}; docs/migrating-from-alloy.md shows how to turn one into the other`,
  };
}
