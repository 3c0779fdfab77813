import { backoffDelayMs, errorMessage, formatDuration, type Timer } from "../../base/index.ts";
import { StorageError, type StorageReason } from "../../storage/index.ts";
import type { DiskTroubleOptions } from "./disk-trouble.ts";
import { writeLimits } from "./limits.ts";
import type { Timers } from "./timers.ts";

export interface SpoolHealthOptions extends DiskTroubleOptions {
  readonly timers: Timers;
  /** Whether somebody means to keep anything, so that a failure is worth a word. */
  readonly needed: () => boolean;
  readonly onChange: () => void;
  /** Called when the pause after a failure is over. */
  readonly retry: () => void;
}

export const lateMessage = `The disk has not answered within ${formatDuration(writeLimits.spoolStallMs)}`;

/** Whether the disk takes what it is given. That it fails is said once, and that it works again; in between are pauses that grow. */
export class SpoolHealth {
  readonly #options: SpoolHealthOptions;
  #state: "closed" | "opening" | "working" | "failed" = "closed";
  #problem: string | undefined;
  #failures = 0;
  /** Set while a failure's pause lasts. */
  #pause: Timer | undefined;
  #trial = false;
  /** From then on it may be said again that a profile is too large. */
  #sayUnfitMs = Number.NEGATIVE_INFINITY;

  constructor(options: SpoolHealthOptions) {
    this.#options = options;
  }

  get working(): boolean {
    return this.#state === "working";
  }

  get failed(): boolean {
    return this.#state === "failed";
  }

  /** In a failure: one profile may be written to see whether it has ended. */
  get trial(): boolean {
    return this.failed && this.#trial;
  }

  /** Why nothing can be kept, in words. */
  get problem(): string | undefined {
    return this.#problem;
  }

  opening(): void {
    this.#state = "opening";
  }

  startTrial(): void {
    this.#trial = true;
    this.#options.onChange();
  }

  endTrial(): void {
    this.#trial = false;
  }

  worked(): void {
    const { log, onChange } = this.#options;
    if (this.#state === "closed" || this.working) return;
    if (this.failed) log.info("Queued profiles are kept on disk again");
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#trial = false;
    this.#state = "working";
    this.#problem = undefined;
    this.#failures = 0;
    onChange();
  }

  fail(thrown: unknown): void {
    if (this.#state === "closed") return;
    const error = thrown instanceof StorageError ? thrown : new StorageError("io", errorMessage(thrown));
    // About this one profile, not about the disk: another may find out how that is.
    if (error.reason === "too_large") {
      this.#trial = this.failed && !this.#pause;
      return this.#noteUnfit(error);
    }
    this.#note(error.reason, error.message);
    // What failed together is one failure.
    if (!this.#pause) {
      this.#failures += 1;
      const delayMs = backoffDelayMs(this.#failures, writeLimits.spoolBackoff);
      this.#pause = this.#options.timers.after(delayMs, () => this.#endPause());
    }
    this.#options.onChange();
  }

  /** A disk that hangs is as good as none, until what it was given is written after all. */
  stall(): void {
    if (!this.working && this.#state !== "opening") return;
    this.#note("io", lateMessage);
    this.#options.onChange();
  }

  /** Ends the pause after a failure: there is no time left to wait. */
  hurry(): void {
    if (!this.#pause) return;
    this.#pause.cancel();
    this.#endPause();
  }

  close(): void {
    this.#state = "closed";
  }

  #endPause(): void {
    this.#pause = undefined;
    this.#options.retry();
  }

  #noteUnfit({ reason, message: err }: StorageError): void {
    const { clock, log, metrics } = this.#options;
    metrics.failed(reason);
    if (clock.monotonic() < this.#sayUnfitMs) return;
    this.#sayUnfitMs = clock.monotonic() + writeLimits.warningIntervalMs;
    log.warn("A profile is too large to be kept on disk, it waits in memory", { reason, err });
  }

  #note(reason: StorageReason, err: string): void {
    const { log, metrics, needed } = this.#options;
    metrics.failed(reason);
    if (!this.failed && needed()) log.warn("Cannot keep queued profiles on disk, they wait in memory", { reason, err });
    this.#state = "failed";
    this.#problem = err;
  }
}
