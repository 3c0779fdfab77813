import { join } from "node:path";
import { limits } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import type { Segment } from "./segment.ts";
import { asideAdvice, journalPath, logPath, removeSegment, setAside, unlinkIfThere } from "./segment-files.ts";
import { type StorageError, storageError } from "./storage-error.ts";

export interface SegmentTrashOptions {
  readonly log: Logger;
  /** The bound of the log. */
  readonly maxBytes: () => number;
}

/**
 * Segments that nobody needs, whose files are still there. One that cannot be removed is said once and tried again; what it occupies counts,
 * and nothing else waits for it.
 */
export class SegmentTrash {
  readonly #dir: string;
  readonly #options: SegmentTrashOptions;
  readonly #segments = new Set<Segment>();
  /** Those of them that could not be removed, and why. */
  readonly #stuck = new Map<Segment, StorageError>();

  constructor(dir: string, options: SegmentTrashOptions) {
    this.#dir = dir;
    this.#options = options;
  }

  /** Of what could not be removed. */
  get stuckBytes(): number {
    return [...this.#stuck.keys()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Why not. */
  get problem(): StorageError | undefined {
    return this.#stuck.values().next().value;
  }

  /** Whether letting more segments go makes room: not where one could not be deleted. To set one aside takes some room, and may fail alone. */
  get takesMore(): boolean {
    return ![...this.#stuck.keys()].some(({ damaged }) => !damaged);
  }

  /** How long until it is to be emptied; `undefined` where nothing is in it. */
  get dueInMs(): number | undefined {
    if (this.#segments.size > this.#stuck.size) return limits.spoolSettleMs;
    return this.#stuck.size > 0 ? limits.spoolIdleMs : undefined;
  }

  get segments(): Iterable<Segment> {
    return this.#segments;
  }

  isStuck(segment: Segment): boolean {
    return this.#stuck.has(segment);
  }

  add(segment: Segment): void {
    this.#segments.add(segment);
  }

  /** Its files are not ours any more. */
  forget(segment: Segment): void {
    this.#segments.delete(segment);
    this.#stuck.delete(segment);
  }

  /** Removes what can be removed; tells `onRemoved` of each. */
  async empty(onRemoved: (segment: Segment) => void): Promise<void> {
    for (const segment of this.#segments) {
      try {
        await this.#removeFiles(segment);
        this.forget(segment);
        onRemoved(segment);
      } catch (thrown) {
        this.#keep(segment, thrown);
      }
    }
  }

  #keep(segment: Segment, thrown: unknown): void {
    const path = logPath(this.#dir, segment);
    const err = segment.damaged
      ? storageError(thrown, { doing: `move "${path}" to`, path: join(this.#dir, "damaged") })
      : storageError(thrown, { doing: "remove", path });
    if (!this.#stuck.has(segment))
      this.#options.log.warn("A segment that nobody needs cannot be removed; it is tried again", { path, err });
    this.#stuck.set(segment, err);
  }

  async #removeFiles(segment: Segment): Promise<void> {
    if (!segment.damaged) return removeSegment(this.#dir, segment);
    const { log, maxBytes } = this.#options;
    const to = await setAside(this.#dir, logPath(this.#dir, segment), { maxBytes: maxBytes() });
    await unlinkIfThere(journalPath(this.#dir, segment));
    log.warn("A segment with damage was set aside", { path: to, advice: asideAdvice });
  }
}
