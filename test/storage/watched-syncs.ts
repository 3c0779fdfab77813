import { type FileHandle, open } from "node:fs/promises";

/** One call that makes something safe on disk. */
export type Sync = "file" | "directory";

export interface WatchedSyncs {
  /** What was synced, in the order in which it was done. */
  readonly done: Sync[];
  /** Called when one is asked for, before it is done; what it throws becomes the failure of that call. */
  onSync: (what: Sync) => void;
  /** Syncs are what they were. */
  restore(): void;
}

type Method = (this: FileHandle) => Promise<void>;

/**
 * Watches `sync` and `datasync` of every file. Each takes some turns of the event loop longer than the disk, so that nothing that should
 * have waited for it comes after it by luck.
 */
export async function watchSyncs(): Promise<WatchedSyncs> {
  const probe = await open(import.meta.filename, "r");
  const methods = Object.getPrototypeOf(probe) as Record<"sync" | "datasync", Method>;
  await probe.close();
  const { sync, datasync } = methods;
  const watched: WatchedSyncs = {
    done: [],
    onSync: () => {},
    restore: () => void Object.assign(methods, { sync, datasync }),
  };
  const watching = (method: Method): Method =>
    async function (this: FileHandle) {
      const what = (await this.stat()).isDirectory() ? "directory" : "file";
      watched.onSync(what);
      await method.call(this);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      watched.done.push(what);
    };
  Object.assign(methods, { sync: watching(sync), datasync: watching(datasync) });
  return watched;
}
