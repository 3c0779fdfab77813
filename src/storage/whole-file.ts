import { open, readFile, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { formatSize } from "../base/index.ts";
import { syncDirectory } from "./directory-access.ts";
import { isMissing, StorageError, storageError } from "./storage-error.ts";
import { writeAll } from "./write-all.ts";

/** Writes a file so that after a crash there is the old one or the new one, whole. Rejects with a StorageError. */
export async function saveFile(path: string, parts: readonly Uint8Array[]): Promise<void> {
  // No name that a caller may give has this character.
  const temporary = `${path}~`;
  try {
    const file = await open(temporary, "w", 0o600);
    try {
      await writeAll(file, parts, 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (thrown) {
    await unlink(temporary).catch(() => {});
    throw storageError(thrown, { doing: "write", path });
  }
}

/** Reads a file and removes it, before anybody can use what it held. Rejects with a StorageError; the file is left alone then. */
export async function takeFile(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const content = await readWholeFile(path, maxBytes);
  if (content) await removeFile(path);
  return content;
}

/** Removes a file, if it is there, so that it does not come back after a crash. Rejects with a StorageError. */
export async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
    await syncDirectory(dirname(path));
  } catch (thrown) {
    if (!isMissing(thrown)) throw storageError(thrown, { doing: "remove", path });
  }
}

/** The content of a file, `undefined` where there is none. Rejects with a StorageError. */
export async function readWholeFile(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) {
      const sizes = `${formatSize(size)} is above the limit of ${formatSize(maxBytes)}`;
      throw new StorageError("too_large", `Cannot read "${path}": its size of ${sizes}; remove it`);
    }
    return await readFile(path);
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw storageError(thrown, { doing: "read", path });
  }
}
