/**
 * config: a file into checked components, or every problem of it at once.
 *
 * Flow: text → tree (TOML or JSON) → environment → schemas of the kinds it is handed → references → frozen arguments. Only for
 * a file already found wrong are positions computed and words looked for that may have been meant.
 *
 * Constraints: a secret's value stands in no message; a configuration is taken whole or not at all; it starts nothing and knows no
 * kind.
 */
export { type ConfigProblem, ConfigError, renderProblem, renderProblems } from "./config-error.ts";
export {
  type Config,
  type ConfigOptions,
  loadConfig,
  loadListenAddress,
  type LoadOptions,
  parseConfig,
} from "./load-config.ts";
export { defaultListenAddress, type LogFormat, type LogLevel, settings, type Settings } from "./settings.ts";
