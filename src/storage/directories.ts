import type { Dirent } from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { isMissing, isNotEmpty, storageError } from "./storage-error.ts";

/** Names of the directories in one that need not exist. Rejects with a StorageError. */
export async function directoriesIn(path: string): Promise<readonly string[]> {
  return (await entriesOf(path)).filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** Names of the regular files in a directory that need not exist. Rejects with a StorageError. */
export async function filesIn(path: string): Promise<readonly string[]> {
  return (await entriesOf(path)).filter((entry) => entry.isFile()).map(({ name }) => name);
}

async function entriesOf(path: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (thrown) {
    if (isMissing(thrown)) return [];
    throw storageError(thrown, { doing: "read", path });
  }
}

/** Rejects with a StorageError. */
export async function removeIfEmpty(path: string): Promise<void> {
  try {
    await rmdir(path);
  } catch (thrown) {
    if (!isMissing(thrown) && !isNotEmpty(thrown)) throw storageError(thrown, { doing: "remove", path });
  }
}
