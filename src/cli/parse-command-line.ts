import { parseArgs } from "node:util";
import { nearest } from "../base/index.ts";
import type { Command, CommandLine, Flag } from "./command.ts";
import { commands } from "./commands.ts";
import { foreignCommand, foreignFlag } from "./foreign-words.ts";
import { UsageError } from "./usage-error.ts";

export interface Invocation {
  readonly command: Command;
  readonly line: CommandLine;
}

const everywhere: Readonly<Record<string, Flag>> = { help: { help: "Show this help" } };

/** Finds the command that `argv` (without the program) names and reads its flags. Throws UsageError. */
export function parseCommandLine(argv: readonly string[]): Invocation {
  const [first, ...rest] = argv;
  if (first === undefined || first.startsWith("-"))
    return { command: commands[0], line: parseFlags(commands[0], argv) };
  const command = commandNamed(first);
  return { command, line: parseFlags(command, rest) };
}

/** Throws UsageError where there is no such command. */
export function commandNamed(name: string): Command {
  const command = commands.find((one) => one.name === name);
  if (command) return command;
  if (/\.(toml|json)$/.test(name))
    throw new UsageError(`Unknown command "${name}": to run a file write "agent --config ${name}"`);
  const meant = nearest(
    name,
    commands.map((one) => one.name),
  );
  throw new UsageError(`Unknown command "${name}"${hint(foreignCommand(name), meant)}`);
}

/** What is said of a word of another system, or the word of ours that was probably meant. */
function hint(foreign: string | undefined, meant: string | undefined): string {
  const words = foreign ?? (meant && `did you mean "${meant}"?`);
  return words ? `: ${words}` : "";
}

function parseFlags(command: Command, args: readonly string[]): CommandLine {
  const known = { ...command.flags, ...everywhere };
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { value }]) => [
      name,
      { type: value ? ("string" as const) : ("boolean" as const) },
    ]),
  );
  // Not strict: its messages name no likely meaning, and differ between runtimes.
  const short = { help: { type: "boolean" as const, short: "h" } };
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...options, ...short },
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const flags = new Map<string, string[]>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind === "option") addFlag(flags, token, known);
  }
  if (positionals.length > command.maxArgs && !flags.has("help"))
    throw new UsageError(`Unexpected argument "${positionals[command.maxArgs]}" of "agent ${command.name}"`);
  return { flags, args: positionals };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function addFlag(flags: Map<string, string[]>, token: OptionToken, known: Readonly<Record<string, Flag>>): void {
  const { name, rawName, value, inlineValue } = token;
  const flag = Object.hasOwn(known, name) ? known[name] : undefined;
  if (!flag) {
    const meant = nearest(name, Object.keys(known));
    throw new UsageError(`Unknown flag "${rawName}"${hint(foreignFlag(name), meant && `--${meant}`)}`);
  }
  // `--config --json`: the next flag is no value, whatever parseArgs makes of it.
  if (flag.value && (value === undefined || value === "" || (!inlineValue && value.startsWith("-"))))
    throw new UsageError(`Flag "${rawName}" needs a value: ${rawName} ${flag.value}`);
  if (!flag.value && value !== undefined) throw new UsageError(`Flag "${rawName}" takes no value: got "${value}"`);
  const values = flags.get(name);
  if (values && flag.value && !flag.repeatable) throw new UsageError(`Flag "${rawName}" was given twice`);
  flags.set(name, [...(values ?? []), ...(value === undefined ? [] : [value])]);
}
