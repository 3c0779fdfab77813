import type { CliIo } from "./io.ts";

/** An option of a command: `--label KEY=VALUE`. */
export interface Flag {
  /** What stands for the value in the help; a flag without one is a switch. */
  readonly value?: string;
  readonly repeatable?: true;
  readonly help: string;
}

/** What was written after the command's name. */
export interface CommandLine {
  /** The values of every flag that was given, in order; a switch has none. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly args: readonly string[];
}

/** Exit codes, as `--help` documents them. A signal that cuts the shutdown short gives 128 plus its number. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, unreachable: 3 } as const;

/** Does the command's work; resolves with the exit code. */
export type Run = (line: CommandLine, io: CliIo) => Promise<number>;

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Ways to write it, without `agent`. */
  readonly usage: readonly string[];
  readonly description: string;
  /** How many positional arguments it takes at most. */
  readonly maxArgs: number;
  readonly flags: Readonly<Record<string, Flag>>;
  /** Loads the code behind it: help and version must not wait for what they do not use. */
  load(): Promise<Run>;
}

/** The value of a flag that is given at most once. */
export function flagValue({ flags }: CommandLine, name: string): string | undefined {
  return flags.get(name)?.[0];
}
