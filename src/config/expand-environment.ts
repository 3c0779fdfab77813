import { isTable } from "../schema/index.ts";
import type { Finding, Path } from "./finding.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

interface Expansion {
  readonly env: Environment;
  readonly findings: Finding[];
}

/**
 * The tree with `${NAME}` and `${NAME:-default}` in its string values replaced from the environment; the default also stands in for
 * an empty variable, as in a shell. `$${` is a literal `${`, and `${1}` stays as it is: it is a group of a regular expression.
 * Keys and relabel rules are not expanded. A default holds no further reference.
 */
export function expandEnvironment(tree: unknown, env: Environment, findings: Finding[]): unknown {
  return expandValue(tree, [], { env, findings });
}

function expandValue(value: unknown, path: Path, expansion: Expansion): unknown {
  if (typeof value === "string") return expandText(value, path, expansion);
  if (Array.isArray(value)) return value.map((item, index) => expandValue(item, [...path, index], expansion));
  if (!isTable(value)) return value;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => {
    const at = [...path, key];
    return [key, isRules(item, at) ? item : expandValue(item, at, expansion)];
  });
  return Object.fromEntries(entries);
}

/** Rules are the argument `rule` of a component, `[[pyroscope.write.x.rule]]`; deeper or higher, "rule" is a name of the user's. */
function isRules(value: unknown, path: Path): boolean {
  return path.length === 4 && path[3] === "rule" && typeof value !== "string";
}

const reference = /\$\$\{|\$\{([^}]*)(\}?)/g;

function expandText(text: string, path: Path, { env, findings }: Expansion): string {
  if (!text.includes("${")) return text;
  const refuse = (message: string, whole: string): string => {
    findings.push({ path, at: "value", message, type: "environment" });
    return whole;
  };
  return text.replace(reference, (whole, inner: string | undefined, close: string) => {
    if (inner === undefined) return "${";
    if (/^\d+$/.test(inner)) return whole;
    const [, name, defaultText] = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inner) ?? [];
    // Not shown: what stands there may be a secret with a dollar sign in it.
    if (close === "" || name === undefined)
      return refuse("holds ${ that begins no ${NAME} or ${NAME:-default}; write $${ for a literal ${", whole);
    // The pattern above ends at the first }, so the inner ${ would become part of the value.
    if (defaultText?.includes("${"))
      return refuse(`the default of \${${name}:-…} holds \${, and a default is taken literally; write it out`, whole);
    const value = env[name];
    if (value !== undefined && (value !== "" || defaultText === undefined)) return value;
    if (defaultText !== undefined) return defaultText;
    return refuse(`the environment variable ${name} is not set; set it, or write \${${name}:-default}`, whole);
  });
}
