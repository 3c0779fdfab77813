import type { LogFields, Logger } from "../../src/observability/index.ts";

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

/** A logger that keeps its lines, for tests that assert what people were told. */
export interface MemoryLog extends Logger {
  readonly lines: readonly LogLine[];
  /** The messages of one level, in order. */
  messages(level: LogLine["level"]): readonly string[];
}

/** An empty memory log; loggers made with `with` write into the same lines. */
export function createMemoryLog(): MemoryLog {
  return memoryLog([], {});
}

function memoryLog(lines: LogLine[], bound: LogFields): MemoryLog {
  const writer =
    (level: LogLine["level"]) =>
    (message: string, fields: LogFields = {}) =>
      void lines.push({ level, message, fields: { ...bound, ...fields } });
  return {
    lines,
    messages: (level) => lines.filter((line) => line.level === level).map((line) => line.message),
    debug: writer("debug"),
    info: writer("info"),
    warn: writer("warn"),
    error: writer("error"),
    with: (fields) => memoryLog(lines, { ...bound, ...fields }),
  };
}
