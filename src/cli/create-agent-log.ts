import { nearest } from "../base/index.ts";
import type { Settings } from "../config/index.ts";
import {
  createLogger,
  type LogFields,
  type LogFormat,
  type Logger,
  logFormats,
  logLevels,
} from "../observability/index.ts";
import { type CommandLine, flagValue } from "./command.ts";
import type { CliIo } from "./io.ts";
import { UsageError } from "./usage-error.ts";

/** A log whose level and format can change while rooms hold loggers made of it. */
export interface AgentLog extends Logger {
  applyConfig(logging: Settings["logging"]): void;
}

/**
 * The log of the process, on standard error. Flags win over the configuration; where neither names a format it is text for a
 * person at a terminal and logfmt elsewhere. Throws UsageError.
 */
export function createAgentLog(line: CommandLine, io: CliIo, logging: Settings["logging"]): AgentLog {
  const level = oneOf(logLevels, flagValue(line, "log-level"), "log-level");
  const format = oneOf(logFormats, flagValue(line, "log-format"), "log-format");
  let lost = 0;
  const write = (text: string): void => {
    if (io.err(text) === false) {
      lost++;
      return;
    }
    if (lost === 0) return;
    const lines = lost;
    lost = 0;
    current.error("Lines of the log were dropped before this one: standard error was not read", { lines });
  };
  const create = (settings: Settings["logging"]): Logger =>
    createLogger({
      level: level ?? settings.level,
      format: format ?? settings.format ?? usualFormat(io),
      // https://no-color.org: any value but the empty one.
      color: io.errIsTerminal && !io.env["NO_COLOR"] && io.env["TERM"] !== "dumb",
      write,
    });
  let current = create(logging);
  return {
    ...loggerThrough(() => current, {}),
    applyConfig: (next) => void (current = create(next)),
  };
}

/** Writes through the logger that is current at each line. */
function loggerThrough(current: () => Logger, fields: LogFields): Logger {
  let made: { readonly of: Logger; readonly bound: Logger } | undefined;
  const now = (): Logger => {
    const of = current();
    if (made?.of !== of) made = { of, bound: of.with(fields) };
    return made.bound;
  };
  return {
    debug: (message, more) => now().debug(message, more),
    info: (message, more) => now().info(message, more),
    warn: (message, more) => now().warn(message, more),
    error: (message, more) => now().error(message, more),
    with: (more) => loggerThrough(current, { ...fields, ...more }),
  };
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
