import { type CliIo, runCli } from "../../src/cli/index.ts";

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the agent inside the test's process; for commands that end by themselves. */
export function cli(...argv: readonly string[]): Promise<CliResult> {
  return cliWith({}, ...argv);
}

/** The same with an environment. */
export async function cliWith(env: CliIo["env"], ...argv: readonly string[]): Promise<CliResult> {
  let [stdout, stderr] = ["", ""];
  const io: CliIo = {
    env,
    out: (text) => void (stdout += text),
    err: (text) => void (stderr += text),
    errIsTerminal: false,
  };
  const code = await runCli(argv, io);
  return { code, stdout, stderr };
}
