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
  /** Standard error: problems and the log. `false` where the text was dropped, because too much waits for who reads it. */
  err(text: string): boolean | undefined;
  /** Ends the process with this code shortly, unless it ends by itself before: nobody may ever read what standard error still holds. */
  endSoon?(code: number): void;
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
  const err = bounded(writer(process.stderr, () => {}));
  let taken = Promise.resolve(true);
  return {
    env: process.env,
    out: (text) => void (taken = out(text)),
    drained: () => taken,
    err,
    endSoon: (code) => void setTimeout(() => process.exit(code), flushMs).unref(),
    errIsTerminal: process.stderr.isTTY,
  };
}

/** For what standard error still holds at the end. */
const flushMs = 500;
/** What may wait for who reads standard error: minutes of a log in which much goes wrong. */
const maxPendingBytes = 2 * 1024 ** 2;

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

/** Drops what would make more than `maxPendingBytes` wait, and all that follows until half of them are taken. */
function bounded(write: Write): CliIo["err"] {
  let [pendingBytes, isFull] = [0, false];
  return (text) => {
    const bytes = Buffer.byteLength(text);
    isFull = pendingBytes > 0 && pendingBytes + bytes > (isFull ? maxPendingBytes / 2 : maxPendingBytes);
    if (isFull) return false;
    pendingBytes += bytes;
    void write(text).then(() => (pendingBytes -= bytes));
    return true;
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
