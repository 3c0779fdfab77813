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
