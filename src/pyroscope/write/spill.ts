import type { Clock } from "../../base/index.ts";
import { StorageError } from "../../storage/index.ts";
import type { WriteArguments } from "./arguments.ts";
import { writeLimits } from "./limits.ts";
import type { ProfileQueue } from "./profile-queue.ts";
import { markSafe, type QueueEntry } from "./queue-entry.ts";
import type { Spooler } from "./spooler.ts";

export type Durability = WriteArguments["endpoint"][number]["queue"]["durability"];

export interface SpillOptions {
  readonly queue: ProfileQueue;
  readonly spooler: Spooler;
  /** As whose the records are kept. */
  readonly owner: string;
  readonly clock: Clock;
  readonly durability: () => Durability;
  /** Whether pushes succeed, so that a moment's wait may spare the disk. */
  readonly calm: () => boolean;
  /** Called after every write, however it ended. */
  readonly onWritten: () => void;
}

/**
 * Decides when the profiles in an endpoint's memory go to disk. With `always` all do; with `outage` all do from the first failure,
 * or from the first profile that has waited too long or too many bytes, until nothing is left on disk.
 */
export class Spill {
  readonly #options: SpillOptions;
  #all = false;
  #ending = false;
  #writing = 0;
  /** Somebody may wait for a profile to be safe. */
  #promised = false;

  constructor(options: SpillOptions) {
    this.#options = options;
  }

  /** Whether profiles can be kept on disk, as far as is known. */
  get on(): boolean {
    return this.#options.durability() !== "memory" && !this.#options.spooler.failed;
  }

  /** Whether nothing in memory is on its way to the disk, or will be. */
  get done(): boolean {
    if (this.#writing > 0) return false;
    const [waiting] = this.#options.queue.unwritten();
    const { durability, spooler } = this.#options;
    return waiting === undefined || durability() === "memory" || (spooler.failed && !spooler.trying);
  }

  /** Resolves once the entry is on disk, or needs to be there no more. */
  async promise(entry: QueueEntry): Promise<void> {
    if (this.#options.durability() !== "always" || !this.on) return;
    this.#promised = true;
    await new Promise<void>((resolve) => {
      entry.onSafe = resolve;
    });
  }

  /** From now on everything goes to disk. */
  start(): void {
    this.#all = true;
  }

  /** Everything goes to disk at once, whatever the endpoint does; a disk that failed gets one more chance. */
  end(): void {
    this.#all = true;
    this.#ending = true;
    if (this.#options.durability() !== "memory") this.#options.spooler.hurry();
  }

  /** A push succeeded: where nothing is left on disk, what comes may stay in memory again. */
  passed(): void {
    if (!this.#ending && this.#writing === 0 && this.#options.queue.disk.records === 0) this.#all = false;
  }

  /** Writes what is to be written now; returns when (monotonic) the next is. */
  run(): number | undefined {
    const { durability, spooler, queue, clock } = this.#options;
    if (durability() === "memory" || (spooler.failed && !spooler.canWrite)) this.#giveUp();
    if (durability() === "memory" || !spooler.canWrite) return undefined;
    if (this.#crowded) this.#all = true;
    const nowMs = clock.monotonic();
    const bootedAtMs = nowMs - clock.uptime();
    for (const entry of queue.unwritten()) {
      const dueMs = this.#dueMs(entry, bootedAtMs);
      if (dueMs > nowMs) return dueMs;
      if (!spooler.canWrite) return undefined;
      this.#all = true;
      void this.#write(entry);
    }
    return undefined;
  }

  /** When an entry is to be written; `bootedAtMs` is when the machine started, both monotonic. */
  #dueMs({ queued }: QueueEntry, bootedAtMs: number): number {
    const { durability, calm } = this.#options;
    const queuedMs = queued ? bootedAtMs + queued.uptimeMs : 0;
    if (!this.#all && durability() === "outage") return queuedMs + writeLimits.spoolAgeMs;
    const mayWait = calm() && !this.#ending && !this.#crowded;
    return mayWait ? queuedMs + writeLimits.spoolHoldMs : 0;
  }

  /** Whether memory is about to become too small for what comes in until the disk is done. */
  get #crowded(): boolean {
    const { bytes, maxBytes } = this.#options.queue.memory;
    return bytes > maxBytes / 2;
  }

  async #write(entry: QueueEntry): Promise<void> {
    const { spooler, queue, owner, onWritten } = this.#options;
    if (!entry.profile) return;
    entry.writing = true;
    this.#writing += 1;
    try {
      const number = await spooler.write(entry.profile, owner, entry.queued);
      const lost = spooler.takeLoss(number, owner);
      // Where somebody removed it, it is still here.
      if (lost === "spool_damaged") entry.writing = false;
      else if (lost) queue.loseUnwritten(entry, lost);
      // At the end, a slow disk may still keep what has been counted as lost.
      else if (queue.written(entry, number) || isLate(entry)) spooler.claim(number, owner);
      // Delivered or dropped in the meantime.
      else spooler.settle(number, owner);
    } catch (error) {
      entry.writing = error instanceof StorageError && error.reason === "too_large" ? "unfit" : false;
      if (entry.writing === "unfit") markSafe(entry);
    } finally {
      this.#writing -= 1;
      onWritten();
    }
  }

  /** Nobody is kept waiting for a disk that takes nothing. */
  #giveUp(): void {
    if (!this.#promised) return;
    this.#promised = false;
    for (const entry of this.#options.queue.inMemory()) markSafe(entry);
  }
}

function isLate({ writing }: QueueEntry): boolean {
  return writing === "late";
}
