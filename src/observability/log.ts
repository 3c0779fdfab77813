// Own code and not a library: LogTape is configured once for the whole process, where rooms and tests need loggers side by
// side, and its import costs 4 MB of resident memory (runtime.md, 13); what is left to write is smaller than the glue.
import { type Clock, systemClock } from "../base/index.ts";
import { type LogFormat, type LogRecord, lineFormats } from "./log-format.ts";

/** From the most to the least talkative. */
export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Values beside a constant message; never a secret. An error goes under `err`. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where rooms write what people should know. Messages are constant text; values go in fields. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  with(fields: LogFields): Logger;
}

export interface LoggerOptions {
  /** Lines below it are not written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Takes one line at a time, line feed included. */
  readonly write: (line: string) => void;
  /** Colours the format `text`; other formats have none. */
  readonly color?: boolean;
  readonly clock?: Clock;
}

/** Writes nothing. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  with: () => silentLogger,
};

/** A logger that writes lines of one format. Errors show their message; at level `debug` their stack as well. */
export function createLogger(options: LoggerOptions): Logger {
  return boundLogger(options, {});
}

const silent = (): void => {};

function boundLogger(options: LoggerOptions, bound: LogFields): Logger {
  const { level: threshold, format, write, color = false, clock = systemClock } = options;
  const writer = (level: LogLevel) => {
    if (logLevels.indexOf(level) < logLevels.indexOf(threshold)) return silent;
    return (message: string, fields: LogFields = {}): void => {
      const record: LogRecord = { timeMs: clock.now(), level, message, fields: { ...bound, ...fields } };
      write(`${lineFormats[format](threshold === "debug" ? withStack(record) : record, color)}\n`);
    };
  };
  return {
    debug: writer("debug"),
    info: writer("info"),
    warn: writer("warn"),
    error: writer("error"),
    with: (fields) => boundLogger(options, { ...bound, ...fields }),
  };
}

function withStack(record: LogRecord): LogRecord {
  const { err } = record.fields;
  return err instanceof Error ? { ...record, fields: { ...record.fields, stack: err.stack } } : record;
}
