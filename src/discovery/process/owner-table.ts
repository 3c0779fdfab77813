import type { ListeningSocket } from "./listening-sockets.ts";
import { type ProcessInfo, processInfo, processStart } from "./process-info.ts";
import { socketOwners } from "./socket-owners.ts";

/** A socket and the process behind it, if that can be seen. */
export interface OwnedSocket extends ListeningSocket {
  readonly process: ProcessInfo | undefined;
}

/** Remembers who holds which socket: finding it out takes a look at every open file of the system. */
export class OwnerTable {
  readonly #proc: string;
  readonly #owners = new Map<string, ProcessInfo | undefined>();

  constructor(proc: string) {
    this.#proc = proc;
  }

  /** These sockets with their owners; all others are forgotten. */
  async owned(sockets: readonly ListeningSocket[]): Promise<readonly OwnedSocket[]> {
    const inodes = new Set(sockets.map(({ inode }) => inode));
    for (const [inode, process] of this.#owners)
      if (!inodes.has(inode) || (process && !(await this.#runs(process)))) this.#owners.delete(inode);
    const unknown = new Set([...inodes].filter((inode) => !this.#owners.has(inode)));
    if (unknown.size > 0) await this.#find(unknown);
    return sockets.map((socket) => ({ ...socket, process: this.#owners.get(socket.inode) }));
  }

  async #runs({ pid, startTime }: ProcessInfo): Promise<boolean> {
    return (await processStart(this.#proc, pid)) === startTime;
  }

  async #find(inodes: ReadonlySet<string>): Promise<void> {
    const owners = await socketOwners(this.#proc, inodes);
    const processes = new Map<number, ProcessInfo | undefined>();
    for (const pid of new Set(owners.values())) processes.set(pid, await processInfo(this.#proc, pid));
    for (const inode of inodes) {
      const pid = owners.get(inode);
      this.#owners.set(inode, pid === undefined ? undefined : processes.get(pid));
    }
  }
}
