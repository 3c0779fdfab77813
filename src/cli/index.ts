/**
 * cli: the commands of the executable, one file each, and the table that help, parsing and did-you-mean read.
 *
 * Constraints: `--help` and `--version` load nothing of the agent. What was asked for goes to standard output, problems and
 * the log to standard error. Exit codes are in command.ts.
 *
 * Flow: arguments → command and flags → the command's `run` → exit code. A command line that is wrong ends before anything of
 * the agent is loaded.
 *
 * It composes nothing itself; src/agent.ts does.
 */
import { version } from "../version.ts";
import { exitCodes } from "./command.ts";
import { helpOf, overview } from "./help.ts";
import type { CliIo } from "./io.ts";
import { reportDefect } from "./report-defect.ts";
import { parseCommandLine } from "./parse-command-line.ts";
import { UsageError } from "./usage-error.ts";

export { type CliIo, processIo } from "./io.ts";
export { endOnDefect } from "./report-defect.ts";

/** Runs the command that `argv` (without the program) names; resolves with the exit code. Reports what is wrong itself. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    if (argv.length === 1 && /^(--version|-V)$/.test(argv[0] as string)) {
      io.out(`agent ${version}\n`);
      return exitCodes.ok;
    }
    if (argv.length === 1 && /^(--help|-h)$/.test(argv[0] as string)) {
      io.out(overview());
      return exitCodes.ok;
    }
    if (argv.length === 0)
      throw new UsageError('Nothing to do: give --config FILE or --target URL, or try "agent demo"');
    const { command, line } = parseCommandLine(argv);
    if (line.flags.has("help")) {
      io.out(helpOf(command));
      return exitCodes.ok;
    }
    return await (await command.load())(line, io);
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) return reportDefect(thrown, { argv, io });
    io.err(`agent: ${thrown.message}\nSee "agent --help"\n`);
    return exitCodes.usage;
  }
}
