import { escaped } from "../base/index.ts";
import type { LogFields, LogLevel } from "./log.ts";

export const logFormats = ["text", "logfmt", "json"] as const;
/** `text` is for people on a terminal, `logfmt` and `json` are for log collectors. */
export type LogFormat = (typeof logFormats)[number];

export interface LogRecord {
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** One line without its line feed. */
type FormatLine = (record: LogRecord, color: boolean) => string;

export const lineFormats: Readonly<Record<LogFormat, FormatLine>> = {
  text: textLine,
  logfmt: logfmtLine,
  json: jsonLine,
};

const dim = 2;
const levelColors: Readonly<Record<LogLevel, number>> = { debug: 35, info: 32, warn: 33, error: 31 };

function textLine({ timeMs, level, message, fields }: LogRecord, color: boolean): string {
  const paint = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const pairs = entries(fields).map(([name, value]) => ` ${paint(dim, `${name}=`)}${bareOrQuoted(value)}`);
  const head = `${paint(dim, localTime(timeMs))} ${paint(levelColors[level], level.toUpperCase().padEnd(5))}`;
  return `${head} ${escaped(message)}${pairs.length > 0 ? " " : ""}${pairs.join("")}`;
}

function logfmtLine({ timeMs, level, message, fields }: LogRecord): string {
  const pairs = entries({ ts: new Date(timeMs).toISOString(), level, msg: message, ...fields });
  return pairs.map(([name, value]) => `${name}=${bareOrQuoted(value)}`).join(" ");
}

function jsonLine({ timeMs, level, message, fields }: LogRecord): string {
  const pairs = entries({ ts: new Date(timeMs).toISOString(), level, msg: message, ...fields });
  return `{${pairs.map(([name, value]) => `${safeJson(name)}:${safeJson(plain(value))}`).join(",")}}`;
}

function entries(fields: LogFields): readonly [name: string, value: unknown][] {
  return Object.entries(fields).filter(([, value]) => value !== undefined);
}

/** What JSON cannot show by itself. Secrets, durations and sizes turn themselves into text. */
function plain(value: unknown): unknown {
  if (value instanceof Error) return value.message;
  return typeof value === "bigint" ? String(value) : value;
}

const needsNoQuotes = /^[!#-<>-[\]-~]+$/;

function bareOrQuoted(value: unknown): string {
  const shown = plain(value);
  const text = typeof shown === "object" && shown !== null ? unquoted(safeJson(shown)) : String(shown);
  return needsNoQuotes.test(text) ? text : safeJson(text);
}

/** Values whose JSON is one string (a duration, a date) are shown as that string. */
function unquoted(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}

function safeJson(value: unknown): string {
  try {
    return escaped(JSON.stringify(value));
  } catch {
    return '"(a value that JSON cannot show)"';
  }
}

function localTime(timeMs: number): string {
  const date = new Date(timeMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
