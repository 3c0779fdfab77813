import { runAgent } from "../agent.ts";
import { AgentError, systemClock } from "../base/index.ts";
import { type Config, ConfigError } from "../config/index.ts";
import { baselines } from "../kinds.ts";
import { createAgentLog } from "./create-agent-log.ts";
import { type CommandLine, exitCodes, type Run } from "./command.ts";
import type { CliIo } from "./io.ts";
import { loadFromFlags, reportProblems } from "./load.ts";
import { catchHangups, untilSignal } from "./signals.ts";
import { configFile } from "./target-tree.ts";
import { UsageError } from "./usage-error.ts";
import { watchFile } from "./watch-file.ts";

/** `agent run`, and `agent` with flags only. */
export const run: Run = (line, io) => {
  const keepsOnBox = line.flags.has("target") && !line.flags.has("server");
  const onReady = (url: string): void => io.out(`The first profiles show within 10 seconds:\n\n  ${url}\n`);
  const file = configFile(line);
  if (file === undefined && line.flags.has("watch")) throw new UsageError('Flag "--watch" needs a file: --config FILE');
  return runUntilSignal(line, io, {
    load: () => loadFromFlags(line, io),
    ...(file !== undefined && { file }),
    ...(keepsOnBox && { onReady }),
  });
};

export interface RunOptions {
  readonly load: () => Promise<Config>;
  /** What `load` reads, and can read again; absent where there is no file. */
  readonly file?: string;
  readonly onReady?: (url: string) => void;
}

/** Runs the agent until the process is told to stop. What keeps it from starting is reported; the exit code is 1 then. */
export async function runUntilSignal(line: CommandLine, io: CliIo, options: RunOptions): Promise<number> {
  const { load, file, onReady } = options;
  const onHangup = catchHangups();
  try {
    const config = await load();
    const log = createAgentLog(line, io, config.logging);
    let inForce = config.hash;
    const watch =
      file !== undefined &&
      line.flags.has("watch") &&
      watchFile(file, { hash: () => inForce, clock: systemClock, log });
    await runAgent(
      {
        config,
        baselines,
        log,
        ...(file !== undefined && { load }),
        triggers: watch ? [onHangup, watch] : [onHangup],
        onReloaded({ logging, hash }) {
          inForce = hash;
          log.applyConfig(logging);
        },
        ...(onReady && { onReady }),
      },
      untilSignal(log),
    );
    io.endSoon?.(exitCodes.ok);
    return exitCodes.ok;
  } catch (thrown) {
    if (thrown instanceof ConfigError) reportProblems(thrown, io, { json: false });
    else if (thrown instanceof AgentError && thrown.reason !== "usage") io.err(`agent: ${thrown.message}\n`);
    else throw thrown;
    return exitCodes.failure;
  }
}
