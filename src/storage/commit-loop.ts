import { type Clock, limits, type Timer } from "../base/index.ts";
import { frameBytesOf, type PendingRecord } from "./active-segment.ts";
import type { LogDisk } from "./log-disk.ts";
import type { StorageError } from "./storage-error.ts";

interface Waiting {
  readonly record: PendingRecord;
  readonly resolve: (number: number) => void;
  readonly reject: (error: StorageError) => void;
}

interface Flush {
  readonly resolve: () => void;
  readonly reject: (error: StorageError) => void;
}

export interface CommitLoopOptions {
  readonly clock: Clock;
  /** Told what became of every attempt to write down what was settled. */
  readonly onTidied: (problem: StorageError | undefined) => void;
}

/**
 * Decides when a log is written to. The first record of a batch waits `spoolCommitMs` for others, unless they come to
 * `spoolCommitBytes` before; while one batch is written the next one collects.
 */
export class CommitLoop {
  /** Why the last write failed. */
  problem: StorageError | undefined;
  readonly #disk: LogDisk;
  readonly #clock: Clock;
  readonly #onTidied: CommitLoopOptions["onTidied"];
  #batch: Waiting[] = [];
  #batchBytes = 0;
  #flushes: Flush[] = [];
  #commitTimer: Timer | undefined;
  #tidyTimer: Timer | undefined;
  #tidyDueMs = 0;
  /** What the next round has to do beside flushes. */
  #commitIsDue = false;
  #tidyIsDue = false;
  #working = false;
  #closing = false;

  constructor(disk: LogDisk, { clock, onTidied }: CommitLoopOptions) {
    this.#disk = disk;
    this.#clock = clock;
    this.#onTidied = onTidied;
  }

  append(record: PendingRecord): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#batch.push({ record, resolve, reject });
      this.#batchBytes += frameBytesOf(record);
      if (this.#batchBytes >= limits.spoolCommitBytes) this.#commitNow();
      else this.#commitTimer ??= this.#clock.after(limits.spoolCommitMs, () => this.#commitNow());
    });
  }

  /** Something is to be written to a journal, or deleted, before long. */
  tidySoon(): void {
    const inMs = this.#disk.tidyInMs;
    if (inMs === undefined || this.#closing) return;
    // A disk that fails is not asked every second.
    const delayMs = this.problem ? limits.spoolIdleMs : inMs;
    const dueMs = this.#clock.monotonic() + delayMs;
    if (this.#tidyTimer && this.#tidyDueMs <= dueMs) return;
    this.#tidyTimer?.cancel();
    this.#tidyDueMs = dueMs;
    this.#tidyTimer = this.#clock.after(delayMs, () => this.tidyNow());
  }

  tidyNow(): void {
    // The last flush does all of it; after that the directory may be another agent's.
    if (this.#closing) return;
    this.#tidyIsDue = true;
    this.#start();
  }

  /** Writes everything so far. Rejects with a StorageError. */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#flushes.push({ resolve, reject });
      this.#start();
    });
  }

  /** The last flush, which also deletes what is kept only because it may be written to. No timer is left behind. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.flush();
  }

  #commitNow(): void {
    this.#commitIsDue = true;
    this.#start();
  }

  #start(): void {
    if (this.#working) return;
    this.#working = true;
    void this.#work();
  }

  async #work(): Promise<void> {
    try {
      while (this.#commitIsDue || this.#tidyIsDue || this.#flushes.length > 0) await this.#round();
    } finally {
      this.#working = false;
    }
  }

  async #round(): Promise<void> {
    const flushes = this.#flushes.splice(0);
    const batch = this.#commitIsDue || flushes.length > 0 ? this.#takeBatch() : [];
    this.#tidyIsDue = false;
    this.#tidyTimer?.cancel();
    this.#tidyTimer = undefined;
    const commitProblem = await this.#commit(batch);
    const writes = batch.length > 0 || this.#disk.tidyInMs !== undefined;
    const problem = commitProblem ?? (await this.#tidy(flushes.length > 0));
    if (writes) this.problem = problem;
    for (const { resolve, reject } of flushes) {
      if (problem) reject(problem);
      else resolve();
    }
    this.tidySoon();
  }

  #takeBatch(): Waiting[] {
    this.#commitIsDue = false;
    this.#commitTimer?.cancel();
    this.#commitTimer = undefined;
    this.#batchBytes = 0;
    return this.#batch.splice(0);
  }

  async #commit(batch: readonly Waiting[]): Promise<StorageError | undefined> {
    if (batch.length === 0) return undefined;
    const { numbers, error } = await this.#disk.commit(batch.map(({ record }) => record));
    for (const [index, { resolve, reject }] of batch.entries()) {
      const number = numbers[index];
      if (number !== undefined) resolve(number);
      else reject(error as StorageError);
    }
    return error;
  }

  async #tidy(sync: boolean): Promise<StorageError | undefined> {
    try {
      await this.#disk.tidy({ sync, closing: this.#closing });
      this.#onTidied(undefined);
      return undefined;
    } catch (thrown) {
      this.#onTidied(thrown as StorageError);
      return thrown as StorageError;
    }
  }
}
