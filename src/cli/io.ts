import process from "node:process";

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

/** The streams of the process. A reader that goes away (`agent check | head`) is no error. */
export function processIo(): CliIo {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosedPipe);
  return {
    env: process.env,
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    errIsTerminal: process.stderr.isTTY,
  };
}

function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE") throw error;
}
