import { formatDuration } from "../../base/index.ts";
import type { Profile } from "../../model/index.ts";
import { type SpoolLog, StorageError } from "../../storage/index.ts";
import { DiskTrouble, type DiskTroubleOptions } from "./disk-trouble.ts";
import { writeLimits } from "./limits.ts";
import { fromRecord } from "./profile-record.ts";

export interface ReadOptions {
  /** `undefined` where it is not open. */
  readonly spool: SpoolLog | undefined;
  readonly signal: AbortSignal;
}

/** Reads profiles back from the disk, and waits for none for longer than `writeLimits.spoolStallMs`. */
export class RecordReader {
  readonly #options: DiskTroubleOptions;
  readonly #trouble: DiskTrouble;
  /** Reads that nobody waits for any more and that have not ended: as many threads of this process are in the disk's hands. */
  #hanging = 0;

  constructor(options: DiskTroubleOptions) {
    this.#options = options;
    this.#trouble = new DiskTrouble(options, {
      begins: "Cannot read queued profiles back from disk, they wait there",
      ends: "Queued profiles are read back from disk again",
    });
  }

  get problem(): string | undefined {
    return this.#trouble.problem;
  }

  /** Rejects with a StorageError: `io` where the disk took too long, `closed` when `signal` aborts. */
  async read(number: number, { spool, signal }: ReadOptions): Promise<Profile> {
    try {
      if (!spool || signal.aborted) throw closedError(number);
      if (this.#hanging > 0) throw lateError(number);
      const record = await this.#inTime(spool.read(number), { number, signal });
      this.#trouble.over();
      return fromRecord(record);
    } catch (error) {
      if (error instanceof StorageError && error.reason !== "closed") this.#note(error);
      throw error;
    }
  }

  #note(error: StorageError): void {
    // The log names what is damaged by itself, and the disk has answered.
    if (error.reason === "damaged") this.#options.metrics.failed(error.reason);
    else this.#trouble.failed(error);
  }

  async #inTime<T>(reading: Promise<T>, { number, signal }: { number: number; signal: AbortSignal }): Promise<T> {
    const { promise: cut, reject } = Promise.withResolvers<never>();
    const late = this.#options.clock.after(writeLimits.spoolStallMs, () => {
      this.#hanging += 1;
      const ended = (): void => void (this.#hanging -= 1);
      reading.then(ended, ended);
      reject(lateError(number));
    });
    const cancel = (): void => reject(closedError(number));
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return await Promise.race([reading, cut]);
    } finally {
      late.cancel();
      signal.removeEventListener("abort", cancel);
    }
  }
}

function lateError(number: number): StorageError {
  const stall = formatDuration(writeLimits.spoolStallMs);
  return new StorageError("io", `Cannot read record ${number} of the spool: the disk has not answered within ${stall}`);
}

function closedError(number: number): StorageError {
  return new StorageError("closed", `Cannot read record ${number} of the spool: it is not open`);
}
