import { nearest } from "../base/index.ts";
import type { Settings } from "../config/index.ts";
import { createLogger, type LogFormat, type Logger, logFormats, logLevels } from "../observability/index.ts";
import { type CommandLine, flagValue } from "./command.ts";
import type { CliIo } from "./io.ts";
import { UsageError } from "./usage-error.ts";

/**
 * The log of the process, on standard error. Flags win over the configuration; where neither names a format it is text for a
 * person at a terminal and logfmt elsewhere.
 */
export function createAgentLog(line: CommandLine, io: CliIo, logging: Settings["logging"]): Logger {
  return createLogger({
    level: oneOf(logLevels, flagValue(line, "log-level"), "log-level") ?? logging.level,
    format: oneOf(logFormats, flagValue(line, "log-format"), "log-format") ?? logging.format ?? usualFormat(io),
    // https://no-color.org: any value but the empty one.
    color: io.errIsTerminal && !io.env["NO_COLOR"] && io.env["TERM"] !== "dumb",
    write: (text) => io.err(text),
  });
}

function usualFormat(io: CliIo): LogFormat {
  return io.errIsTerminal ? "text" : "logfmt";
}

function oneOf<T extends string>(allowed: readonly T[], value: string | undefined, flag: string): T | undefined {
  if (value === undefined) return undefined;
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  const meant = nearest(value, allowed);
  const hint = meant ? `, did you mean "${meant}"?` : "";
  throw new UsageError(`Flag "--${flag}" is one of ${allowed.join(", ")}: got "${value}"${hint}`);
}
