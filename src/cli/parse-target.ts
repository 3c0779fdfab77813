import { labelsFrom, type Target } from "../model/index.ts";
import { UsageError } from "./usage-error.ts";

type Pair = readonly [name: string, value: string];

/** A target as it is typed, `__address__=10.0.0.1:80,job=shop`, or as the agent prints one, `{job="shop"}`. Throws UsageError. */
export function parseTarget(text: string): Target {
  const pairs = printedPairs(text) ?? text.split(",").map((part) => typedPair(part, text));
  const names = pairs.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined)
    throw new UsageError(`Target "${text}" has the label "${twice}" twice: remove one of the two`);
  return labelsFrom(pairs);
}

const string = String.raw`"(?:[^"\\]|\\.)*"`;
const printedPair = new RegExp(String.raw`\s*([\w.]+|${string})=(${string})\s*(?:,|$)`, "gy");

/** `undefined` where the text is none that the agent prints. */
function printedPairs(text: string): readonly Pair[] | undefined {
  const inside = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1] ?? text;
  const found = [...inside.matchAll(printedPair)];
  if (found.length === 0 || found.map(([whole]) => whole).join("") !== inside) return undefined;
  try {
    return found.map(([, name = "", value = ""]): Pair => [name.startsWith('"') ? parsed(name) : name, parsed(value)]);
  } catch {
    // An escape that the agent never prints.
    return undefined;
  }
}

function parsed(quotedText: string): string {
  return JSON.parse(quotedText) as string;
}

function typedPair(part: string, text: string): Pair {
  const at = part.indexOf("=");
  const [name, value] = [part.slice(0, at).trim(), part.slice(at + 1)];
  if (at < 1 || /[{}"]/.test(name) || value.startsWith('"'))
    throw new UsageError(
      `Target "${text}" holds "${part}": write --target 'LABEL=VALUE,LABEL=VALUE', with no comma in a value, or '{LABEL="VALUE", LABEL="VALUE"}'`,
    );
  return [name, value];
}
