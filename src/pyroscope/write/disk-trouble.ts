import type { Clock } from "../../base/index.ts";
import type { Logger } from "../../observability/index.ts";
import type { StorageError } from "../../storage/index.ts";
import { writeLimits } from "./limits.ts";
import type { SpoolMetrics } from "./metrics.ts";

export interface DiskTroubleOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: SpoolMetrics;
}

/** Trouble with the disk beside which profiles are still kept there: counted, said at most every `warningIntervalMs`, and said when it is over. */
export class DiskTrouble {
  readonly #options: DiskTroubleOptions;
  readonly #words: { readonly begins: string; readonly ends: string };
  #problem: string | undefined;
  /** Whether the log knows of what there is now. */
  #isSaid = false;
  #saidMs = Number.NEGATIVE_INFINITY;

  constructor(options: DiskTroubleOptions, words: { readonly begins: string; readonly ends: string }) {
    this.#options = options;
    this.#words = words;
  }

  /** What is wrong, in words; `undefined` where nothing is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** `quiet` where the log says something worse already. */
  failed({ reason, message: err }: StorageError, { quiet = false } = {}): void {
    const { clock, log, metrics } = this.#options;
    metrics.failed(reason);
    this.#problem = `${this.#words.begins}: ${err}`;
    if (this.#isSaid || quiet || clock.monotonic() < this.#saidMs + writeLimits.warningIntervalMs) return;
    this.#isSaid = true;
    this.#saidMs = clock.monotonic();
    log.warn(this.#words.begins, { reason, err });
  }

  over(): void {
    this.#problem = undefined;
    if (!this.#isSaid) return;
    this.#isSaid = false;
    this.#options.log.info(this.#words.ends);
  }
}
