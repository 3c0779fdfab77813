import process from "node:process";
import { AgentError, errorMessage, oneLine } from "../base/index.ts";
import { exitCodes } from "./command.ts";
import type { CliIo } from "./io.ts";

export interface DefectOptions {
  /** What the agent was started with: `--log-level debug` wants to see more. */
  readonly argv: readonly string[];
  readonly io: Pick<CliIo, "env" | "err">;
}

const longestMessage = 1000;

/**
 * Says that something of the agent went wrong which nobody foresaw, in a line or two: a stack in minified source is of use only to who
 * asks for it. The exit code is the result.
 */
export function reportDefect(thrown: unknown, { argv, io }: DefectOptions): number {
  const message = oneLine(errorMessage(thrown), longestMessage);
  if (thrown instanceof AgentError) {
    io.err(`agent: ${message}\n`);
    return exitCodes.failure;
  }
  const wantsMore = io.env["AGENT_DEBUG"] === "1" || /(?:^| )--log-level[ =]debug(?: |$)/.test(argv.join(" "));
  const more = wantsMore
    ? `${thrown instanceof Error ? (thrown.stack ?? message) : message}\n`
    : "With AGENT_DEBUG=1 in the environment it says more\n";
  io.err(`agent: Internal error: ${message}\nThis is a defect of the agent: please report it. ${more}`);
  return exitCodes.failure;
}

/** What nobody caught ends the process, as it would anyway, but without a page of minified source. */
export function endOnDefect(options: DefectOptions): void {
  process.on("uncaughtException", (thrown) => process.exit(reportDefect(thrown, options)));
  process.on("unhandledRejection", (thrown) => process.exit(reportDefect(thrown, options)));
}
