import {
  type Config,
  ConfigError,
  type ConfigProblem,
  loadConfig,
  parseConfig,
  renderProblems,
} from "../config/index.ts";
import { kinds } from "../kinds.ts";
import { type CommandLine, flagValue } from "./command.ts";
import type { CliIo } from "./io.ts";
import { jsonText } from "./json-text.ts";
import { configFile, targetTree } from "./target-tree.ts";
import { UsageError } from "./usage-error.ts";

/** Loads the file that the flags name, or what they stand for without one. Throws ConfigError, UsageError. */
export async function loadFromFlags(line: CommandLine, io: CliIo): Promise<Config> {
  const file = configFile(line);
  const config = file === undefined ? await loadFromTree(targetTree(line), io) : await loadFile(file, io);
  const listen = flagValue(line, "listen");
  return listen === undefined
    ? config
    : { ...config, server: { ...config.server, ...(await parseListenAddress(listen, io)) } };
}

/** Throws ConfigError. */
export function loadFile(path: string, io: CliIo): Promise<Config> {
  return loadConfig({ path, kinds, env: io.env });
}

/** Checks a configuration made by the program, as a file of the same content would be. Throws ConfigError. */
export async function loadFromTree(tree: unknown, io: CliIo): Promise<Config> {
  // The shell has expanded what it should; what is left is meant literally.
  const text = JSON.stringify(tree).replaceAll("${", () => "$${");
  try {
    return await parseConfig(text, { path: "command line", format: "json", kinds, env: io.env });
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    throw new ConfigError(thrown.reason, thrown.problems.map(withoutPosition), { cause: thrown });
  }
}

/** Shows what is wrong: to a person on standard error, to a machine as a JSON document on standard output. */
export function reportProblems(error: ConfigError, io: CliIo, { json }: { json: boolean }): void {
  if (json) io.out(`${jsonText({ valid: false, problems: error.problems })}\n`);
  else io.err(`${renderProblems(error.problems)}\n`);
}

/** The `[server]` table of a `--listen` flag. Throws UsageError. */
export async function parseListenAddress(listenAddress: string, io: CliIo): Promise<Config["server"]> {
  try {
    return (await loadFromTree({ server: { listen_address: listenAddress } }, io)).server;
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    throw new UsageError(`Flag "--listen": ${thrown.problems[0]?.message}`);
  }
}

/** No file has lines and columns here. */
function withoutPosition({ line: _line, column: _column, ...problem }: ConfigProblem): ConfigProblem {
  return problem;
}
