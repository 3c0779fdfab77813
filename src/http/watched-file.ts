import type { BigIntStats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { AgentError, type Clock, errorMessage, systemClock } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import type { HttpReason } from "./client.ts";

/** A file that may be replaced while the agent runs: a rotated password, a renewed certificate. */
export interface WatchedFile {
  /**
   * The content as it is now; costs one `stat` where nothing changed. While the file cannot be used (a rotation in progress),
   * the last good content, with one warning per change of state. Rejects with an HttpError where there is none yet.
   */
  read(): Promise<string>;
}

export interface WatchedFileOptions {
  readonly maxBytes: number;
  readonly log: Logger;
  /** What the file holds, as messages call it: "password". */
  readonly what: string;
  /** That of the error; `credentials` by default. */
  readonly reason?: HttpReason;
  /** Why this content cannot be used, as a message goes on after "it"; must not show any of it. */
  readonly problemOf?: (content: string) => string | undefined;
  /** Tells how old a change is; the system's by default. */
  readonly clock?: Clock;
}

/** A file that is read when it is first asked for. */
export function createWatchedFile(path: string, options: WatchedFileOptions): WatchedFile {
  const { maxBytes, log, what, reason = "credentials", problemOf, clock = systemClock } = options;
  let version: string | undefined;
  let content: string | undefined;
  let trouble: string | undefined;
  let looking: Promise<void> | undefined;
  let lookingAgain: Promise<void> | undefined;

  const look = async (): Promise<void> => {
    const found = await stat(path, { bigint: true });
    const foundVersion = versionOf(found);
    if (foundVersion === version) return;
    const fresh = await readText(path, found, maxBytes);
    const problem = problemOf?.(fresh);
    if (problem !== undefined) throw new Unusable(problem);
    if (content !== undefined && trouble !== undefined) log.info("A file can be read again", { path, what });
    content = fresh;
    trouble = undefined;
    // A second change within the file system's time step would look the same: what is that young is read again.
    version = clock.now() - changedMs(found) < settledMs ? undefined : foundVersion;
  };

  const note = (thrown: unknown): void => {
    version = undefined;
    const message = `Cannot read the ${what} from "${path}": ${explanation(thrown)}`;
    if (content !== undefined && message !== trouble)
      log.warn("Cannot read a file again; what it held before stays in use", { err: new AgentError(reason, message) });
    trouble = message;
  };

  const lookOnce = (): Promise<void> => {
    looking = look()
      .catch(note)
      .finally(() => {
        looking = undefined;
      });
    return looking;
  };

  /** Several readers share a look, but none is given what a look found that began before it asked. */
  const lookNow = (): Promise<void> => {
    if (!looking) return lookOnce();
    lookingAgain ??= looking.then(() => {
      lookingAgain = undefined;
      return lookOnce();
    });
    return lookingAgain;
  };

  return {
    async read() {
      await lookNow();
      if (content === undefined) throw new AgentError(reason, trouble as string);
      return content;
    },
  };
}

// File systems count time in steps of up to 2 s (FAT), and Deno gives the change time in whole seconds.
const settledMs = 2000;

class Unusable extends Error {}

/** Another for every change; the change time also tells a file put in place with its old modification time (cp -p, rsync). */
function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
}

function changedMs({ mtimeMs, ctimeMs }: BigIntStats): number {
  return Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs);
}

async function readText(path: string, found: BigIntStats, maxBytes: number): Promise<string> {
  // A pipe would be waited for without end.
  if (!found.isFile()) throw new Unusable("it is not a regular file; correct the path");
  const bytes = found.size > maxBytes ? undefined : await readUpTo(path, maxBytes);
  if (!bytes) throw new Unusable(`it is larger than the limit of ${maxBytes} bytes; check the path`);
  const text = bytes.toString("utf8");
  if (text.trim() === "") throw new Unusable("it is empty; write it anew");
  return text;
}

/** The whole file, `undefined` where it is longer. */
async function readUpTo(path: string, maxBytes: number): Promise<Buffer | undefined> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.alloc(maxBytes + 1);
    for (let length = 0; length <= maxBytes; ) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) return buffer.subarray(0, length);
      length += bytesRead;
    }
    return undefined;
  } finally {
    await file.close();
  }
}

const causes: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file; create it or correct the path",
  ENOTDIR: "a part of the path is not a directory; correct the path",
  EACCES: "permission denied; let the user that the agent runs as read it",
  EPERM: "permission denied; let the user that the agent runs as read it",
};

function explanation(thrown: unknown): string {
  if (thrown instanceof Unusable) return thrown.message;
  return causes[(thrown as { code?: string }).code ?? ""] ?? errorMessage(thrown);
}
