import { join } from "node:path";
import { type BootClock, type Clock, systemBootClock } from "../base/index.ts";
import type { Logger, Metrics } from "../observability/index.ts";
import { createDirectoryAccess, type DirectoryAccess } from "./directory-access.ts";
import { directoriesIn, filesIn, removeIfEmpty } from "./directories.ts";
import { SegmentLog } from "./segment-log.ts";
import type { SpoolLog, SpoolLogOptions } from "./spool-log.ts";
import { createSpoolMetrics } from "./spool-metrics.ts";
import type { StorageError } from "./storage-error.ts";
import { readWholeFile, removeFile, saveFile, takeFile } from "./whole-file.ts";

/** The directory of `[storage]`, used by one agent at a time. It is made, and locked, when something is first written to it. */
export interface DataDirectory {
  readonly path: string;
  /** Why nothing can be kept there now; `undefined` while everything is well or nothing was tried. Tried again by what is written next. */
  readonly problem: StorageError | undefined;
  /** The log of that name: the id of a component. The same object for the same name until it is closed, with the options given last. */
  spoolLog(name: string, options: SpoolLogOptions): SpoolLog;
  /** Names of the logs on disk that nobody has open here; none where there is no directory. Rejects with a StorageError. */
  closedSpools(): Promise<readonly string[]>;
  /** Removes what is left of a log that nobody has open and that holds nothing; what it still holds stays. Rejects with a StorageError. */
  removeSpool(name: string): Promise<void>;
  /** Writes a file whole or not at all; `false` where the directory would have to be made for it and may not be. Rejects with a StorageError. */
  save(name: string, parts: readonly Uint8Array[], options?: { readonly makeDirectory: boolean }): Promise<boolean>;
  /** The file's content, which is gone from the disk then; `undefined` where there is none. Rejects with a StorageError. */
  take(name: string, options: { readonly maxBytes: number }): Promise<Uint8Array | undefined>;
  /** The same without removing the file. */
  read(name: string, options: { readonly maxBytes: number }): Promise<Uint8Array | undefined>;
  /** Names of the files that `save` made and that are there; none where there is no directory. Rejects with a StorageError. */
  files(): Promise<readonly string[]>;
  /** Removes a file, if it is there. Rejects with a StorageError. */
  remove(name: string): Promise<void>;
  /** Closes what is open, and lets the next agent have the directory. */
  close(): Promise<void>;
}

export interface DataDirectoryOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** That of the machine by default. */
  readonly boot?: BootClock;
}

// What a component id consists of, so that no name leads out of the directory or meets the file of another.
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const ownNames = new Set(["lock", "spool"]);

/** Touches nothing until something is asked of it. */
export function createDataDirectory(path: string, options: DataDirectoryOptions): DataDirectory {
  const { clock, log, metrics, boot = systemBootClock() } = options;
  const access = createDirectoryAccess(path, { clock });
  const logs = createLogs(path, { access, clock, boot, log, metrics });
  let saveProblem: StorageError | undefined;
  // Files are written and taken one after the other.
  let files: Promise<unknown> = Promise.resolve();
  const queued = <T>(work: () => Promise<T>): Promise<T> => {
    const result = files.then(work);
    files = result.catch(() => {});
    return result;
  };

  return {
    path,
    get problem() {
      return access.problem ?? saveProblem;
    },
    spoolLog: (name, logOptions) => logs.get(name, logOptions),
    closedSpools: async () => ((await access.acquireExisting()) ? logs.closedNames() : []),
    async removeSpool(name) {
      if (await access.acquireExisting()) await logs.remove(name);
    },
    save: (name, parts, { makeDirectory } = { makeDirectory: true }) =>
      queued(async () => {
        const target = join(path, checkedName(name));
        if (makeDirectory) await access.acquire();
        else if (!(await access.acquireExisting())) return false;
        try {
          await saveFile(target, parts);
          saveProblem = undefined;
          return true;
        } catch (thrown) {
          saveProblem = thrown as StorageError;
          throw thrown;
        }
      }),
    take: (name, { maxBytes }) =>
      queued(async () => {
        const source = join(path, checkedName(name));
        return (await access.acquireExisting()) ? takeFile(source, maxBytes) : undefined;
      }),
    read: (name, { maxBytes }) =>
      queued(async () => {
        const source = join(path, checkedName(name));
        return (await access.acquireExisting()) ? readWholeFile(source, maxBytes) : undefined;
      }),
    files: () =>
      queued(async () => {
        if (!(await access.acquireExisting())) return [];
        return (await filesIn(path)).filter((name) => namePattern.test(name) && !ownNames.has(name));
      }),
    remove: (name) =>
      queued(async () => {
        const target = join(path, checkedName(name));
        if (await access.acquireExisting()) await removeFile(target);
      }),
    async close() {
      await logs.close();
      await files;
      await access.release();
    },
  };
}

/** The open logs of a data directory. */
function createLogs(path: string, surroundings: Required<DataDirectoryOptions> & { readonly access: DirectoryAccess }) {
  const { access, clock, boot, log, metrics } = surroundings;
  const open = new Map<string, SpoolLog>();
  const closing = new Map<string, Promise<void>>();

  const make = (name: string, options: SpoolLogOptions): SpoolLog => {
    const made = new SegmentLog(join(path, "spool", checkedName(name)), options, {
      access: startingAfter(access, closing.get(name)),
      clock,
      boot,
      log: log.with({ component: name }),
      metrics: createSpoolMetrics(metrics, { component_id: name }),
      onClose(closed) {
        open.delete(name);
        closing.set(name, closed);
      },
    });
    open.set(name, made);
    return made;
  };

  return {
    get(name: string, options: SpoolLogOptions): SpoolLog {
      const found = open.get(name);
      found?.applyOptions(options);
      return found ?? make(name, options);
    },
    async closedNames(): Promise<readonly string[]> {
      return (await directoriesIn(join(path, "spool"))).filter((name) => namePattern.test(name) && !open.has(name));
    },
    async remove(name: string): Promise<void> {
      await closing.get(name);
      if (!open.has(name)) await removeIfEmpty(join(path, "spool", checkedName(name)));
    },
    async close(): Promise<void> {
      for (const one of open.values()) void one.close();
      await Promise.all(closing.values());
    },
  };
}

/** For a log that takes the place of one that is still being closed. */
function startingAfter(access: DirectoryAccess, before: Promise<void> | undefined): DirectoryAccess {
  if (!before) return access;
  return {
    problem: undefined,
    get times() {
      return access.times;
    },
    stillHeld: (times) => access.stillHeld(times),
    release: () => access.release(),
    async acquire() {
      await before;
      await access.acquire();
    },
    async acquireExisting() {
      await before;
      return access.acquireExisting();
    },
  };
}

function checkedName(name: string): string {
  if (namePattern.test(name) && !ownNames.has(name)) return name;
  throw new Error(`Cannot keep anything under the name "${name}": letters, digits, "_", "." and "-" make a name`);
}
