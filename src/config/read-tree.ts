import { parse, TomlError } from "smol-toml";
import { isTable } from "../schema/index.ts";
import { ConfigError, type ConfigProblem } from "./config-error.ts";
import { tomlSyntaxMessage } from "./toml-syntax-message.ts";

export type ConfigFormat = "toml" | "json";

/** By the file's ending; a file of any other name is JSON where its text begins like it. */
export function formatOf(path: string, text: string): ConfigFormat {
  if (/\.json$/i.test(path)) return "json";
  if (/\.toml$/i.test(path)) return "toml";
  return /^\s*\{/.test(text) ? "json" : "toml";
}

/** The tree of a text. Throws ConfigError `syntax`. */
export async function readTree(
  text: string,
  { path, format }: { readonly path: string; readonly format: ConfigFormat },
): Promise<Record<string, unknown>> {
  const refuse = (problems: readonly Omit<ConfigProblem, "file" | "key">[]): never => {
    throw new ConfigError(
      "syntax",
      problems.map((problem) => ({ file: path, key: "", ...problem })),
    );
  };
  if (format === "toml") return readToml(text, refuse);
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
  refuse: (problems: readonly Omit<ConfigProblem, "file" | "key">[]) => never,
): Record<string, unknown> {
  try {
    return parse(text, { integersAsBigInt: "asNeeded" });
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const { line, column } = thrown;
    return refuse([{ line, column, message: tomlSyntaxMessage(text, thrown) }]);
  }
}
