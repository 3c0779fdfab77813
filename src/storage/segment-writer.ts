import { type Clock, limits } from "../base/index.ts";
import { type ActiveSegment, createActiveSegment, frameBytesOf, type PendingRecord } from "./active-segment.ts";
import { headerBytes } from "./file-header.ts";
import type { Segment } from "./segment.ts";
import type { SpoolLogOptions } from "./spool-log.ts";
import type { SpoolMetrics } from "./spool-metrics.ts";

export interface SegmentWriterOptions {
  readonly clock: Clock;
  readonly metrics: SpoolMetrics;
  readonly bootId: string;
  readonly current: () => SpoolLogOptions;
}

/** Records that are safe on disk now: the first `count` of what was given, numbered from `from` on. */
export interface Written {
  readonly segment: Segment;
  readonly from: number;
  readonly count: number;
}

/** Writes records into one segment after the other, and numbers them. Its calls come one after the other. */
export class SegmentWriter {
  readonly #dir: string;
  readonly #options: SegmentWriterOptions;
  #active: ActiveSegment | undefined;
  #nextNumber = 1;
  #writtenAtMs = 0;

  constructor(dir: string, options: SegmentWriterOptions) {
    this.#dir = dir;
    this.#options = options;
  }

  /** The one that is written to. */
  get segment(): Segment | undefined {
    return this.#active?.segment;
  }

  /** How long nothing was written. */
  get idleMs(): number {
    return this.#options.clock.monotonic() - this.#writtenAtMs;
  }

  /** Numbers go on from here. */
  startAt(number: number): void {
    this.#nextNumber = Math.max(this.#nextNumber, number);
  }

  /** Whether nobody removed or moved the file that is written to. */
  async isInPlace(): Promise<boolean> {
    return (await this.#active?.isInPlace()) ?? true;
  }

  /** Writes as many of the records as belong into one segment, once `makeRoom` has made that many bytes. */
  async write(records: readonly PendingRecord[], makeRoom: (bytes: number) => Promise<void>): Promise<Written> {
    const active = await this.#activeFor(frameBytesOf(records[0] as PendingRecord));
    const { segment } = active;
    const { count, bytes } = this.#fitting(active, records);
    await makeRoom(active.bytesWith(bytes) - segment.logBytes);
    const { clock, metrics } = this.#options;
    const [startMs, bytesBefore, from] = [clock.monotonic(), segment.logBytes, segment.first + segment.slots.length];
    try {
      await active.append(records.slice(0, count));
    } catch (thrown) {
      if (!active.isUsable) await this.seal();
      throw thrown;
    }
    this.#writtenAtMs = clock.monotonic();
    metrics.committed(segment.logBytes - bytesBefore, (this.#writtenAtMs - startMs) / 1000);
    return { segment, from, count };
  }

  /** Nothing more is written to the segment. */
  async seal(): Promise<void> {
    await this.#release()?.close();
  }

  /** The same where its path may be that of another file by now. */
  async abandon(): Promise<void> {
    await this.#release()?.abandon();
  }

  #release(): ActiveSegment | undefined {
    const active = this.#active;
    if (!active) return undefined;
    this.#active = undefined;
    const { first, slots } = active.segment;
    this.#nextNumber = Math.max(this.#nextNumber, first + slots.length + active.mayHold);
    return active;
  }

  async #activeFor(recordBytes: number): Promise<ActiveSegment> {
    const isFull = this.#active && this.#active.bytesWith(recordBytes) > this.#segmentBytes;
    // A record above the size has a segment of its own.
    if (isFull && this.#active?.segment.slots.length) await this.seal();
    if (this.#active) return this.#active;
    const first = this.#nextNumber;
    // Whatever becomes of it, no other file gets the name.
    this.#nextNumber = first + 1;
    this.#active = await createActiveSegment(this.#dir, { first, bootId: this.#options.bootId });
    return this.#active;
  }

  /** At least one, and then as many as the segment has room for. */
  #fitting(active: ActiveSegment, records: readonly PendingRecord[]): { count: number; bytes: number } {
    let [count, bytes] = [0, 0];
    for (const record of records) {
      const more = bytes + frameBytesOf(record);
      if (count > 0 && active.bytesWith(more) > this.#segmentBytes) break;
      count++;
      bytes = more;
    }
    return { count, bytes };
  }

  /** A half of the log at most, so that the oldest segment goes and not everything. */
  get #segmentBytes(): number {
    const { min, max } = limits.spoolSegmentBytes;
    const { maxBytes } = this.#options.current();
    return Math.min(Math.max(maxBytes / 8, min), max, Math.max(maxBytes / 2, headerBytes));
  }
}
