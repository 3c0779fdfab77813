import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { errorMessage } from "./error.ts";
import { limits } from "./limits.ts";

export interface WatchedDirectoriesOptions {
  /** Something happened in one of them; what, has to be looked up. */
  readonly onEvent: () => void;
  /** One cannot be watched, in words; told once until it changes. */
  readonly onFailure: (directory: string, why: string) => void;
}

/** Deno lets go of a directory some turns of the event loop after `close`, and hears nothing of one that is watched anew before. */
const releaseMs = 5;

/**
 * Directories in which files may change. Directories and not the files, which most editors and Kubernetes replace by others, of which a
 * watch on the file hears nothing (runtime.md, 8).
 */
export class WatchedDirectories {
  readonly #options: WatchedDirectoriesOptions;
  /** By what makes a directory another one than the one that was there: one that is made anew often gets the same inode. */
  readonly #watchers = new Map<string, FSWatcher>();
  /** The one told last. */
  #failure: string | undefined;
  #hasFailed = false;

  constructor(options: WatchedDirectoriesOptions) {
    this.#options = options;
  }

  /**
   * Begins with directories that are new, as far as they exist, and ends with those that are not among them. Whether it began with any: what
   * happened in it before was not heard of.
   */
  async renew(directories: Iterable<string>): Promise<boolean> {
    this.#hasFailed = false;
    const wanted = new Map<string, string>();
    for (const directory of new Set(directories)) {
      const found = await stat(directory).catch(() => undefined);
      if (!found?.isDirectory()) continue;
      if (wanted.size === limits.watchedDirectories) {
        this.#failed(directory, new Error(`they are more than ${limits.watchedDirectories}`));
        break;
      }
      wanted.set(`${found.dev} ${found.ino} ${found.birthtimeMs}`, directory);
    }
    const over = [...this.#watchers].filter(([key]) => !wanted.has(key));
    for (const [key, watcher] of over) this.#end(key, watcher);
    if (over.length > 0) await setTimeout(releaseMs);
    let hasBegun = false;
    for (const [key, directory] of wanted) if (!this.#watchers.has(key) && this.#begin(key, directory)) hasBegun = true;
    if (!this.#hasFailed) this.#failure = undefined;
    return hasBegun;
  }

  close(): void {
    for (const [key, watcher] of this.#watchers) this.#end(key, watcher);
  }

  #begin(key: string, directory: string): boolean {
    try {
      const watcher = watch(directory, () => this.#options.onEvent());
      watcher.on("error", (error) => {
        this.#end(key, watcher);
        this.#failed(directory, error);
      });
      this.#watchers.set(key, watcher);
      return true;
    } catch (thrown) {
      this.#failed(directory, thrown);
      return false;
    }
  }

  #end(key: string, watcher: FSWatcher): void {
    watcher.close();
    this.#watchers.delete(key);
  }

  #failed(directory: string, thrown: unknown): void {
    const message = errorMessage(thrown);
    if (message !== this.#failure) this.#options.onFailure(directory, message);
    this.#failure = message;
    this.#hasFailed = true;
  }
}
