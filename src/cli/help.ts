import { type Command, exitCodes, type Flag, type Run } from "./command.ts";
import { commands } from "./commands.ts";
import { commandNamed } from "./parse-command-line.ts";

/** `agent help [COMMAND]`, and for who comes from there `agent help alloy`. */
export const help: Run = async ({ args: [name] }, io) => {
  if (name === "alloy") io.out((await import("./alloy-help.ts")).alloyHelp);
  else io.out(name === undefined ? overview() : helpOf(commandNamed(name)));
  return exitCodes.ok;
};

/** What `agent --help` prints. */
export function overview(): string {
  const usage = commands.flatMap((command) => command.usage);
  return `Scrapes pprof profiles and delivers them to Pyroscope, or keeps them on this box.

Usage:
${lines(usage.map((line) => `agent ${line}`))}

Commands:
${table(commands.map(({ name, summary }) => [name, summary]))}

Flags of "run":
${flagTable(commands[0].flags)}

Everywhere:
${table([
  ["--help, -h", "Show help; after a command, help of that command"],
  ["--version, -V", "Show the version"],
])}

Examples:
${lines([
  "agent demo",
  "agent --target http://localhost:6060",
  "agent --target localhost:6060 --server http://pyroscope:4040 --label service_name=shop",
  "agent test http://localhost:6060",
  "agent check --config agent.toml",
  "agent --config agent.toml",
  "agent status",
])}

Exit codes:
${table([
  [String(exitCodes.ok), "ended as asked; with check, test and status: all is well"],
  [
    String(exitCodes.failure),
    "the configuration is wrong, a test failed, or the agent is not well or could not start or end",
  ],
  [String(exitCodes.usage), "the command line is wrong"],
  [String(exitCodes.unreachable), "status: no agent answers"],
  ["130, 143", "a second SIGINT or SIGTERM cut the shutdown short"],
])}
`;
}

/** What `agent COMMAND --help` prints. */
export function helpOf({ usage, summary, description, flags }: Command): string {
  const flagHelp = Object.keys(flags).length > 0 ? `\nFlags:\n${flagTable(flags)}\n` : "";
  return `${summary}.\n\nUsage:\n${lines(usage.map((line) => `agent ${line}`))}\n\n${description}\n${flagHelp}`;
}

function flagTable(flags: Readonly<Record<string, Flag>>): string {
  const shown = ({ value, repeatable }: Flag): string => (value ? ` ${value}${repeatable ? "..." : ""}` : "");
  return table(Object.entries(flags).map(([name, flag]) => [`--${name}${shown(flag)}`, flag.help]));
}

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return lines(rows.map(([left, right]) => `${left.padEnd(width)}  ${right}`));
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `  ${text}`).join("\n");
}
