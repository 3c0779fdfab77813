import type { Clock } from "../../base/index.ts";
import type { ListeningSocket } from "./listening-sockets.ts";
import { type ProcessInfo, processInfo, processStart } from "./process-info.ts";
import { socketOwners } from "./socket-owners.ts";

/** A socket and the process behind it, if that can be seen. */
export interface OwnedSocket extends ListeningSocket {
  readonly process: ProcessInfo | undefined;
}

interface Owner {
  readonly process: ProcessInfo | undefined;
  /** How often it was searched for. */
  readonly searches: number;
}

const init = 1;
/** Who may not be the owner is searched for at so many looks, and then so often. */
const searchesAtOnce = 3;
const searchAgainMs = 60_000;

/**
 * Remembers who holds which socket: finding it out takes a look at every open file of the system. Not for long where nobody was seen, who may
 * just have been starting, nor of init, which opens sockets for programs that it starts when somebody connects.
 */
export class OwnerTable {
  readonly #proc: string;
  readonly #clock: Clock;
  readonly #owners = new Map<string, Owner>();
  /** When those who may not be the owners are searched for again. */
  #againMs = 0;

  constructor(proc: string, clock: Clock) {
    this.#proc = proc;
    this.#clock = clock;
  }

  /** These sockets with their owners; all others are forgotten. */
  async owned(sockets: readonly ListeningSocket[]): Promise<readonly OwnedSocket[]> {
    const inodes = new Set(sockets.map(({ inode }) => inode));
    for (const [inode, { process }] of this.#owners)
      if (!inodes.has(inode) || (process && !(await this.#runs(process)))) this.#owners.delete(inode);
    const wanted = [...inodes].filter((inode) => !this.#isCertain(inode));
    if (wanted.some((inode) => this.#isDue(inode))) await this.#find(new Set(wanted));
    return sockets.map((socket) => ({ ...socket, process: this.#owners.get(socket.inode)?.process }));
  }

  #isCertain(inode: string): boolean {
    const process = this.#owners.get(inode)?.process;
    return process !== undefined && process.pid !== init;
  }

  #isDue(inode: string): boolean {
    const { searches } = this.#owners.get(inode) ?? { searches: 0 };
    return searches < searchesAtOnce || this.#clock.monotonic() >= this.#againMs;
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
      const process = pid === undefined ? undefined : processes.get(pid);
      this.#owners.set(inode, { process, searches: (this.#owners.get(inode)?.searches ?? 0) + 1 });
    }
    this.#againMs = this.#clock.monotonic() + searchAgainMs;
  }
}
