import type { Position } from "./positions.ts";

const block = /^[ \t]*([a-z]\w*(?:\.\w+)*)[ \t]+("[^"\n]*"[ \t]*)?\{/m;
const tomlHeader = /^[ \t]*\[\[?[\w." -]+\]\]?[ \t]*(?:#.*)?$/m;

/**
 * What to say of a file that is no TOML but all in YAML or in Alloy's own language (once called River); `undefined` for any other, such as
 * one that is TOML but for a line.
 */
export function otherLanguageAt(text: string, path: string): (Position & { readonly message: string }) | undefined {
  const found = block.exec(text);
  const header = tomlHeader.exec(text);
  const start = { line: 1, column: 1 };
  if (found && (!header || found.index < header.index)) {
    const [, name = "", label] = found;
    const offset = found.index + found[0].indexOf(name);
    const before = text.slice(0, offset);
    const position = { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
    return { ...position, message: alloy(example(name, label !== undefined)) };
  }
  if (header) return undefined;
  if (/\.(?:alloy|river)$/i.test(path)) return { ...start, message: alloy("") };
  return /\.ya?ml$/i.test(path)
    ? { ...start, message: "this is no TOML; the agent reads TOML or JSON, and no YAML" }
    : undefined;
}

function alloy(what: string): string {
  return `this is Alloy's language, and the agent reads TOML or JSON${what}; "agent help alloy" shows how to turn one into the other`;
}

/** Of what has a counterpart. */
function example(name: string, isLabelled: boolean): string {
  if (isLabelled && /^(?:discovery|pyroscope|phlare)\.\w+$/.test(name))
    return `: ${name} "LABEL" { … } is the table [${name}.LABEL]`;
  return name === "logging" ? ": logging { … } is the table [logging]" : "";
}
