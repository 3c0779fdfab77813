import { readlinkSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

/** Links that are read before others get their turn. */
const linksAtOnce = 200;

/**
 * The processes that hold these sockets, by inode, as far as this process may see. Where several hold one, as servers with workers do, that
 * with the lowest number; init, which opens sockets for others, only where it is the only one.
 */
export async function socketOwners(proc: string, inodes: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
  const owners = new Map<string, number>();
  for (const pid of await processIds(proc)) {
    if (owners.size === inodes.size) break;
    for (const inode of await socketsOf(join(proc, String(pid), "fd")))
      if (inodes.has(inode) && !owners.has(inode)) owners.set(inode, pid);
  }
  return owners;
}

/** Lowest first, init last. */
async function processIds(proc: string): Promise<readonly number[]> {
  const names = await readdir(proc);
  const ids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  return ids.sort((a, b) => Number(a === 1) - Number(b === 1) || a - b);
}

/** Inodes of the sockets in a directory of open files; none where it may not be read, or the process is gone. */
async function socketsOf(directory: string): Promise<readonly string[]> {
  const descriptors = await readdir(directory).catch(() => []);
  const inodes: string[] = [];
  for (const [at, descriptor] of descriptors.entries()) {
    if (at % linksAtOnce === linksAtOnce - 1) await setImmediate();
    const [, inode] = /^socket:\[(\d+)\]$/.exec(linkOf(join(directory, descriptor))) ?? [];
    if (inode !== undefined) inodes.push(inode);
  }
  return inodes;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
