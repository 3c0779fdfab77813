import { type FSWatcher, watch } from "node:fs";
import { stat } from "node:fs/promises";
import { errorMessage } from "./error.ts";

export interface WatchedDirectoriesOptions {
  /** Something happened in one of them; what, has to be looked up. */
  readonly onEvent: () => void;
  /** One cannot be watched, in words; told once until it changes. */
  readonly onFailure: (directory: string, why: string) => void;
}

/**
 * Directories in which files may change. Directories and not the files, which most editors and Kubernetes replace by others, of which a
 * watch on the file hears nothing (runtime.md, 8).
 */
export class WatchedDirectories {
  readonly #options: WatchedDirectoriesOptions;
  /** By device and inode: a directory that was replaced is another one. */
  readonly #watchers = new Map<string, FSWatcher>();
  #failure: string | undefined;

  constructor(options: WatchedDirectoriesOptions) {
    this.#options = options;
  }

  /** Begins with directories that are new, as far as they exist, and ends with those that are not among them. */
  async renew(directories: Iterable<string>): Promise<void> {
    const wanted = new Map<string, string>();
    for (const directory of new Set(directories)) {
      const found = await stat(directory).catch(() => undefined);
      if (found) wanted.set(`${found.dev} ${found.ino}`, directory);
    }
    for (const [key, watcher] of this.#watchers) if (!wanted.has(key)) this.#end(key, watcher);
    for (const [key, directory] of wanted) if (!this.#watchers.has(key)) this.#begin(key, directory);
  }

  close(): void {
    for (const [key, watcher] of this.#watchers) this.#end(key, watcher);
  }

  #begin(key: string, directory: string): void {
    try {
      const watcher = watch(directory, () => this.#options.onEvent());
      watcher.on("error", (error) => {
        this.#end(key, watcher);
        this.#failed(directory, error);
      });
      this.#watchers.set(key, watcher);
      this.#failure = undefined;
    } catch (thrown) {
      this.#failed(directory, thrown);
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
  }
}
