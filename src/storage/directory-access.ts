import { mkdir, open, readFile, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { pid } from "node:process";
import { type Clock, limits, preview } from "../base/index.ts";
import { type FileLock, loadRuntime } from "../runtime/index.ts";
import { isMissing, StorageError, storageError } from "./storage-error.ts";

/** The right to use a directory, which one process has at a time. */
export interface DirectoryAccess {
  /** Why it could not be had when it was last tried. */
  readonly problem: StorageError | undefined;
  /** Makes the directory where there is none, and locks it. Rejects with a StorageError, at once where it did within `storageRetryMs`. */
  acquire(): Promise<void>;
  /** The same where the directory exists; `false` where it does not. */
  acquireExisting(): Promise<boolean>;
  /** How often it was made and locked: after somebody removed or replaced it, that is done anew. */
  readonly times: number;
  /** Whether the directory that was locked the `times`th time is still the one at its path. */
  stillHeld(times: number): Promise<boolean>;
  release(): Promise<void>;
}

/** Access to the directory at `path`, which is not touched before it is asked for. */
export function createDirectoryAccess(path: string, { clock }: { readonly clock: Clock }): DirectoryAccess {
  let lock: HeldLock | undefined;
  let times = 0;
  let acquiring: Promise<void> | undefined;
  let failure: { readonly error: StorageError; readonly atMs: number } | undefined;
  let released = false;

  const attempt = async (): Promise<void> => {
    if (failure && clock.monotonic() - failure.atMs < limits.storageRetryMs) throw failure.error;
    try {
      lock = await lockDirectory(path);
      times++;
      failure = undefined;
    } catch (thrown) {
      const error = storageError(thrown, { doing: "use the data directory", path });
      failure = { error, atMs: clock.monotonic() };
      throw error;
    }
  };

  /** Lets go of a lock that nobody else can see any more. */
  const dropIfReplaced = async (): Promise<void> => {
    const held = lock;
    if (!held) return;
    // A disk that does not answer has not replaced anything; what is written next says what is wrong with it.
    const identity = await identityOf(lockPathIn(path)).catch(() => held.identity);
    if (identity === held.identity || lock !== held) return;
    lock = undefined;
    await held.file.release();
  };

  const acquire = async (): Promise<void> => {
    if (released) throw new StorageError("closed", `Cannot use the data directory "${path}": it was closed`);
    await dropIfReplaced();
    if (lock) return;
    acquiring ??= attempt().finally(() => {
      acquiring = undefined;
    });
    await acquiring;
  };

  return {
    get problem() {
      return failure?.error;
    },
    acquire,
    async acquireExisting() {
      await dropIfReplaced();
      if (!lock && !(await exists(path))) return false;
      await acquire();
      return true;
    },
    get times() {
      return times;
    },
    async stillHeld(since) {
      await dropIfReplaced();
      return lock !== undefined && times === since;
    },
    async release() {
      released = true;
      await acquiring?.catch(() => {});
      await lock?.file.release();
      lock = undefined;
    },
  };
}

interface HeldLock {
  readonly file: FileLock;
  readonly identity: string | undefined;
}

const lockPathIn = (path: string): string => join(path, "lock");

/** Tells one file from another that took its name; `undefined` where there is none. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path);
    return `${dev} ${ino}`;
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

async function lockDirectory(path: string): Promise<HeldLock> {
  const firstMade = await mkdir(path, { recursive: true, mode: 0o700 });
  if (firstMade !== undefined) await syncParents(resolve(path), resolve(firstMade));
  const lockPath = lockPathIn(path);
  const lock = await (await loadRuntime()).lockFile(lockPath);
  if (!lock) throw await lockedError(path, lockPath);
  try {
    // For people, and for the message of the next agent that comes.
    await writeFile(lockPath, `${pid} ${hostname()}\n`);
  } catch {
    // On a full disk too the lock holds.
  }
  return { file: lock, identity: await identityOf(lockPath).catch(() => undefined) };
}

async function lockedError(path: string, lockPath: string): Promise<StorageError> {
  const holder = await readFile(lockPath, "utf8").catch(() => "");
  const [, id, host] = /^(\d+) (\S+)/.exec(holder) ?? [];
  const who = id ? ` (process ${id} on "${preview(host ?? "")}")` : "";
  return new StorageError(
    "locked",
    `Cannot use the data directory "${path}": another agent uses it${who}; end that one, or set another storage.path`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    if (isMissing(thrown)) return false;
    throw storageError(thrown, { doing: "use the data directory", path });
  }
}

/** Makes directories safe that were made: all from `firstMade` down to `path`. */
async function syncParents(path: string, firstMade: string): Promise<void> {
  for (let made = path; ; made = dirname(made)) {
    // One may be allowed to make something in a directory that one may not read.
    await syncDirectory(dirname(made)).catch(() => {});
    if (made.length <= firstMade.length) return;
  }
}

/** Makes the names in a directory safe: files that were made, renamed or removed stay so after a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
