import { parse, TomlError } from "smol-toml";
import { isTable } from "../schema/index.ts";
import { ConfigError, type ConfigProblem } from "./config-error.ts";
import { isTooDeep, jsonTooDeepAt, maxNesting, tooDeep } from "./nesting.ts";
import { otherLanguageAt } from "./other-language-at.ts";
import { tomlSyntaxMessage } from "./toml-syntax-message.ts";

export type ConfigFormat = "toml" | "json";

/** By the file's ending; a file of any other name is JSON where its text begins like it. */
export function formatOf(path: string, text: string): ConfigFormat {
  if (/\.json$/i.test(path)) return "json";
  if (/\.toml$/i.test(path)) return "toml";
  return /^\s*\{/.test(text) ? "json" : "toml";
}

type Refuse = (problems: readonly Omit<ConfigProblem, "file" | "key">[]) => never;

/** The tree of a text. Throws ConfigError `syntax`. */
export async function readTree(
  text: string,
  { path, format }: { readonly path: string; readonly format: ConfigFormat },
): Promise<Record<string, unknown>> {
  const refuse: Refuse = (problems) => {
    throw new ConfigError(
      "syntax",
      problems.map((problem) => ({ file: path, key: "", ...problem })),
    );
  };
  if (format === "toml") return readToml(text, { path, refuse });
  const deep = jsonTooDeepAt(text);
  if (deep) return refuse([{ ...deep, message: tooDeep }]);
  const { jsonSyntaxProblems } = await import("./json-syntax-problems.ts");
  const problems = jsonSyntaxProblems(text);
  if (problems.length > 0) return refuse(problems);
  const tree: unknown = JSON.parse(text);
  return isTable(tree)
    ? tree
    : refuse([{ line: 1, column: 1, message: "expected an object with the tables of a configuration" }]);
}

function readToml(
  text: string,
  { path, refuse }: { readonly path: string; readonly refuse: Refuse },
): Record<string, unknown> {
  try {
    // The parser counts brackets only.
    const tree = parse(text, { integersAsBigInt: "asNeeded", maxDepth: maxNesting });
    return isTooDeep(tree) ? refuse([{ message: tooDeep }]) : tree;
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const other = otherLanguageAt(text, path);
    if (other) return refuse([other]);
    const { line, column } = thrown;
    return refuse([{ line, column, message: tomlSyntaxMessage(text, thrown) }]);
  }
}
