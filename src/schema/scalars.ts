import { resolve } from "node:path";
import * as v from "valibot";
import { Duration, nearest, Size } from "../base/index.ts";
import { typeName } from "./argument.ts";
import { found } from "./found.ts";
import { outcomeOf, running } from "./issue.ts";

/** A string, the empty one included. */
export function text() {
  return v.string(({ input }) => {
    const quote = typeof input === "number" || typeof input === "boolean" ? `; write "${input}"` : "";
    return `expected a string, found ${found(input)}${quote}`;
  });
}

/** A string that is not empty. */
export function word(emptyProblem = "must not be empty") {
  return v.pipe(text(), v.nonEmpty(emptyProblem));
}

export function flag() {
  return v.boolean(({ input }) => {
    const meant = input === "true" || input === "false" ? `; write ${input} without quotes` : "";
    return `expected true or false, found ${found(input)}${meant}`;
  });
}

/** A whole number from `min` on. */
export function number(min: number) {
  const expected = `expected a whole number from ${min} on`;
  return v.pipe(
    v.number(({ input }) => {
      const meant = typeof input === "string" && /^\d+$/.test(input) ? `; write ${input} without quotes` : "";
      return `${expected}, found ${found(input)}${meant}`;
    }),
    v.check(
      (value) => Number.isSafeInteger(value) && value >= min,
      ({ input }) => `${expected}, found ${input}`,
    ),
    typeName("whole number"),
  );
}

/** One of a few words. */
export function choice<const Options extends readonly string[]>(options: Options) {
  const listed = options.map((option) => `"${option}"`).join(", ");
  return v.picklist(options, ({ input }) => {
    const meant = typeof input === "string" ? onlyNearest(input, options) : undefined;
    return `expected one of ${listed}, found ${found(input)}${meant === undefined ? "" : `; did you mean "${meant}"?`}`;
  });
}

/** Nothing where several are as near: of "TLS14", nobody knows which was meant. */
function onlyNearest(written: string, options: readonly string[]): string | undefined {
  const meant = nearest(written, options);
  return meant === nearest(written, options.toReversed()) ? meant : undefined;
}

/** Go's form of a length of time. `positive`: zero and less are refused. */
export function duration(bounds: { readonly positive?: boolean } = {}) {
  return v.pipe(
    v.string(({ input }) => {
      const meant = typeof input === "number" ? `; write "${input}s" if seconds are meant` : "";
      return `expected a duration in quotes such as "15s", found ${found(input)}${meant}`;
    }),
    v.rawTransform(({ dataset, addIssue, NEVER }): Duration => {
      const parsed = Duration.parse(dataset.value);
      // No timer is finer than a millisecond.
      if (parsed && (parsed.ms >= 1 || (!bounds.positive && parsed.ms === 0))) return parsed;
      const shown = found(dataset.value);
      const least = parsed && parsed.ms > 0 ? "at least 1ms" : bounds.positive ? "above 0" : "0 or more";
      addIssue({
        message: parsed
          ? `must be ${least}, found ${shown}`
          : `expected a duration such as "15s", "1m30s" or "500ms", found ${shown}${durationHint(dataset.value)}`,
      });
      return NEVER;
    }),
    typeName("duration"),
  );
}

function durationHint(written: string): string {
  const compact = written.toLowerCase().replace(/\s+/g, "");
  if (/^\d+(\.\d+)?$/.test(compact)) return `; the unit is missing: "${compact}s"?`;
  const days = /^(\d+)(?:d|days?)$/.exec(compact);
  if (days) return `; the longest unit is h: "${Number(days[1]) * 24}h"?`;
  const short = compact.replace(/(ms|[smh])[a-z]+/g, "$1").replace(/mil+/g, "ms");
  return Duration.parse(short) ? `; did you mean "${short}"?` : "";
}

/** A number of bytes above zero. */
export function size() {
  return v.pipe(
    v.string(({ input }) => {
      const meant = typeof input === "number" ? `; write "${input}B" if bytes are meant` : "";
      return `expected a size in quotes such as "16MiB", found ${found(input)}${meant}`;
    }),
    v.rawTransform(({ dataset, addIssue, NEVER }): Size => {
      const parsed = Size.parse(dataset.value === "0" ? "0B" : dataset.value);
      if (parsed && parsed.bytes > 0) return parsed;
      const shown = found(dataset.value);
      addIssue({
        message: parsed
          ? `must be at least 1B, found ${shown}`
          : `expected a size such as "16MiB", "512KB" or "100B", found ${shown}${sizeHint(dataset.value)}`,
      });
      return NEVER;
    }),
    typeName("size"),
  );
}

function sizeHint(written: string): string {
  const [, amount, unit] = /^\s*(\d+(?:\.\d+)?)\s*([kmg]?)i?b?\s*$/i.exec(written) ?? [];
  if (amount === undefined || unit === undefined) return "";
  return unit === "" ? `; the unit is missing: "${amount}B"?` : `; did you mean "${amount}${unit.toUpperCase()}iB"?`;
}

/** What `filePath` needs to know beside the value; handed to valibot with its configuration. */
export interface PathContext {
  /** The directory that relative paths start from: that of the configuration file. */
  readonly directory?: string;
}

/** A path of a file, made absolute. */
export function filePath(emptyProblem?: string) {
  const named = v.pipe(word(emptyProblem), typeName("path"));
  return running(named, (input, config) => {
    const outcome = outcomeOf(named, input, config);
    const { directory } = config as PathContext;
    if (!outcome.typed || directory === undefined) return outcome;
    return { ...outcome, value: resolve(directory, outcome.value as string) };
  });
}
