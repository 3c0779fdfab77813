import { type Clock, formatSize, formatSpan, limits } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import type { NewerSegment } from "./recover-log.ts";
import { logPath, removeSegment } from "./segment-files.ts";
import type { SpoolMetrics } from "./spool-metrics.ts";
import { StorageError } from "./storage-error.ts";

export interface NewerSegmentsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: SpoolMetrics;
}

/**
 * The segments of a log that a later version of the agent wrote, after a step back to this one. They count in the log's bound and stay,
 * so that the later version can send them; once they have been there for longer than a server takes what is in them, they go for room.
 */
export class NewerSegments {
  readonly #dir: string;
  readonly #options: NewerSegmentsOptions;
  #segments: readonly NewerSegment[] = [];
  #foundMs = 0;

  constructor(dir: string, options: NewerSegmentsOptions) {
    this.#dir = dir;
    this.#options = options;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Those are there, oldest first. */
  found(segments: readonly NewerSegment[]): void {
    this.#foundMs = this.#options.clock.monotonic();
    this.#set(segments);
  }

  /** Deletes the oldest while `isAbove` says so, as far as they may go. */
  async makeRoom(isAbove: () => boolean): Promise<void> {
    if (this.#keptMs > 0) return;
    for (const segment of this.#segments) {
      if (!isAbove()) return;
      await removeSegment(this.#dir, segment);
      this.#set(this.#segments.filter((other) => other !== segment));
      this.#options.log.warn(
        "A segment of a later version of the agent was deleted for room: servers would refuse it by now",
        { path: logPath(this.#dir, segment) },
      );
    }
  }

  /** Why nothing can be written beside them. */
  refusal(maxBytes: number): StorageError {
    const sizes = `${formatSize(this.bytes)} there, which count in max_disk (${formatSize(maxBytes)})`;
    return new StorageError(
      "newer_format",
      `Cannot write to the log "${this.#dir}": a later version of the agent left ${sizes} for another ${formatSpan(this.#keptMs)}; run that version to send them, or raise max_disk`,
    );
  }

  get #keptMs(): number {
    return this.#foundMs + limits.spoolNewerKeptMs - this.#options.clock.monotonic();
  }

  #set(segments: readonly NewerSegment[]): void {
    this.#segments = segments;
    this.#options.metrics.newer(segments.length, this.bytes);
  }
}
