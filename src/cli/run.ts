import { runAgent } from "../agent.ts";
import { AgentError } from "../base/index.ts";
import { type Config, ConfigError } from "../config/index.ts";
import { createAgentLog } from "./create-agent-log.ts";
import { type CommandLine, exitCodes, type Run } from "./command.ts";
import type { CliIo } from "./io.ts";
import { loadFromFlags, reportProblems } from "./load.ts";
import { untilSignal } from "./signals.ts";

/** `agent run`, and `agent` with flags only. */
export const run: Run = (line, io) => {
  const keepsOnBox = line.flags.has("target") && !line.flags.has("server");
  const onReady = (url: string): void => io.out(`The first profiles show within 10 seconds:\n\n  ${url}\n`);
  return runUntilSignal(line, io, { load: () => loadFromFlags(line, io), ...(keepsOnBox && { onReady }) });
};

export interface RunOptions {
  readonly load: () => Promise<Config>;
  readonly onReady?: (url: string) => void;
}

/** Runs the agent until the process is told to stop. What keeps it from starting is reported; the exit code is 1 then. */
export async function runUntilSignal(line: CommandLine, io: CliIo, { load, onReady }: RunOptions): Promise<number> {
  try {
    const config = await load();
    const log = createAgentLog(line, io, config.logging);
    for (const warning of config.warnings) log.warn("Probably not meant", { warning });
    await runAgent({ config, log, ...(onReady && { onReady }) }, untilSignal(log));
    return exitCodes.ok;
  } catch (thrown) {
    if (thrown instanceof ConfigError) reportProblems(thrown, io, { json: false });
    else if (thrown instanceof AgentError && thrown.reason !== "usage") io.err(`agent: ${thrown.message}\n`);
    else throw thrown;
    return exitCodes.failure;
  }
}
