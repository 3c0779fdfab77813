import process from "node:process";
import { errorMessage } from "../base/index.ts";
import { exitCodes } from "./command.ts";

/** Where a command reads and writes. Tests pass their own. */
export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output: what was asked for. */
  out(text: string): void;
  /** Resolves when standard output has taken what was written, with whether it takes more: who writes megabytes waits for it. */
  drained?(): Promise<boolean>;
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
  const out = writer(process.stdout, endWithoutOutput);
  // Nowhere is left to say it, and an agent that cannot log still has profiles to push.
  const err = writer(process.stderr, () => {});
  let taken = Promise.resolve(true);
  return {
    env: process.env,
    out: (text) => void (taken = out(text)),
    drained: () => taken,
    err: (text) => void err(text),
    errIsTerminal: process.stderr.isTTY,
  };
}

/**
 * Resolves with whether a text was taken. Bun emits what went wrong, Deno throws it; only what a write calls back tells on both that nothing
 * of it is in memory any more.
 */
type Write = (text: string) => Promise<boolean>;

function writer(stream: NodeJS.WriteStream, onFailure: (error: NodeJS.ErrnoException) => void): Write {
  const failed = (error: NodeJS.ErrnoException): void => {
    if (error.code !== "EPIPE") onFailure(error);
  };
  stream.on("error", failed);
  return (text) =>
    new Promise((resolve) => {
      try {
        stream.write(text, (error) => resolve(!error));
      } catch (thrown) {
        failed(thrown as NodeJS.ErrnoException);
        resolve(false);
      }
    });
}

function endWithoutOutput(error: NodeJS.ErrnoException): never {
  try {
    process.stderr.write(`agent: Cannot write to standard output: ${errorMessage(error)}\n`);
  } finally {
    // At once, because the exit code of the command would overwrite this one.
    process.exit(exitCodes.failure);
  }
}
