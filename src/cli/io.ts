import process from "node:process";
import { errorMessage } from "../base/index.ts";
import { exitCodes } from "./command.ts";

/** Where a command reads and writes. Tests pass their own. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output: what was asked for. */
  out(text: string): void;
  /** Standard error: problems and the log. */
  err(text: string): void;
  /** Whether a person at a terminal reads standard error. */
  readonly errIsTerminal: boolean;
}

/**
 * The streams of the process. A reader that goes away (`agent check | head`) is no error. Standard output that takes nothing for
 * another reason, a full disk for one, ends the process: what was asked for is lost.
 */
export function processIo(): CliIo {
  return {
    env: process.env,
    out: writer(process.stdout, endWithoutOutput),
    // Nowhere is left to say it, and an agent that cannot log still has profiles to push.
    err: writer(process.stderr, () => {}),
    errIsTerminal: process.stderr.isTTY,
  };
}

/** Bun emits what went wrong, Deno throws it. */
function writer(stream: NodeJS.WriteStream, onFailure: (error: NodeJS.ErrnoException) => void): (text: string) => void {
  const failed = (error: NodeJS.ErrnoException): void => {
    if (error.code !== "EPIPE") onFailure(error);
  };
  stream.on("error", failed);
  return (text) => {
    try {
      stream.write(text);
    } catch (thrown) {
      failed(thrown as NodeJS.ErrnoException);
    }
  };
}

function endWithoutOutput(error: NodeJS.ErrnoException): never {
  try {
    process.stderr.write(`agent: Cannot write to standard output: ${errorMessage(error)}\n`);
  } finally {
    // At once, because the exit code of the command would overwrite this one.
    process.exit(exitCodes.failure);
  }
}
