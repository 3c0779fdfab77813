import { type BootClock, type Clock, formatSize } from "../base/index.ts";
import type { Logger } from "../observability/index.ts";
import { frameBytesOf, type PendingRecord } from "./active-segment.ts";
import { CommitLoop } from "./commit-loop.ts";
import type { DirectoryAccess } from "./directory-access.ts";
import { headerBytes } from "./file-header.ts";
import { LogDisk } from "./log-disk.ts";
import { encodeRecordHead } from "./record.ts";
import { isSameRun, type RecordAge, recordAge, type RecordTime } from "./record-age.ts";
import type { Segment } from "./segment.ts";
import { logPath, readSlot } from "./segment-files.ts";
import type { AppendOptions, SpoolLog, SpoolLogOptions, SpoolRecord, SpoolStatus } from "./spool-log.ts";
import type { SpoolMetrics } from "./spool-metrics.ts";
import { isDiskFailure, StorageError, storageError } from "./storage-error.ts";

const whyLost = {
  missing: "somebody removed the file",
  damaged: "its checksum is wrong",
  unreadable: "the disk failed there, and takes writes elsewhere",
} as const;

export interface SegmentLogSurroundings {
  readonly access: DirectoryAccess;
  readonly clock: Clock;
  readonly boot: BootClock;
  readonly log: Logger;
  readonly metrics: SpoolMetrics;
  /** Called once, when it begins to close; the promise never rejects. */
  readonly onClose: (closed: Promise<void>) => void;
}

/** A log in files: checks what is asked, answers from the index, and leaves writing to CommitLoop (when) and LogDisk (what). */
export class SegmentLog implements SpoolLog {
  readonly #dir: string;
  readonly #clock: Clock;
  readonly #boot: BootClock;
  readonly #log: Logger;
  readonly #disk: LogDisk;
  readonly #loop: CommitLoop;
  readonly #onClose: SegmentLogSurroundings["onClose"];
  #options: SpoolLogOptions;
  #closing: Promise<void> | undefined;

  constructor(dir: string, options: SpoolLogOptions, surroundings: SegmentLogSurroundings) {
    const { access, clock, boot, log, metrics, onClose } = surroundings;
    this.#onClose = onClose;
    this.#dir = dir;
    this.#options = options;
    this.#clock = clock;
    this.#boot = boot;
    this.#log = log;
    this.#disk = new LogDisk(dir, { access, clock, log, metrics, bootId: boot.id, current: () => this.#options });
    this.#loop = new CommitLoop(this.#disk, { clock, onTidied: (problem) => this.#options.onTidied?.(problem) });
  }

  async open(): Promise<void> {
    this.#refuseIfClosed();
    // What nobody wants, and what is above the bound, goes at once.
    if (!(await this.#disk.open())) return;
    this.#refuseIfClosed();
    this.#loop.tidyNow();
  }

  async append(
    { meta, data }: SpoolRecord,
    owners: readonly string[],
    { waiting }: AppendOptions = {},
  ): Promise<number> {
    this.#refuseIfClosed();
    const wallMs = waiting?.sinceWallMs ?? this.#clock.now();
    const bootMs = this.#boot.nowMs() - (waiting?.ageMs ?? 0);
    const head = encodeRecordHead({ wallMs, bootMs, owners, metaBytes: meta.length });
    const record: PendingRecord = { head, meta, data, owners, wallMs, bootMs };
    this.#refuseIfTooLarge(headerBytes + frameBytesOf(record));
    return this.#loop.append(record);
  }

  adopt(number: number, owner: string): void {
    const segment = this.#disk.index.find(number);
    if (segment?.want(number - segment.first, owner)) this.#note(segment, { number, owner, wanted: true });
  }

  settle(number: number, owner: string): void {
    if (this.#disk.settle(number, owner)) this.#loop.tidySoon();
  }

  async read(number: number): Promise<SpoolRecord> {
    this.#refuseIfClosed();
    const segment = this.#disk.index.find(number);
    if (!segment) throw this.#gone(number);
    const slot = number - segment.first;
    const path = logPath(this.#dir, segment);
    const record = await this.#readSlot(segment, slot).catch((thrown: unknown) => {
      throw storageError(thrown, { doing: "read", path });
    });
    if (typeof record !== "string") return record;
    if (!this.#disk.index.has(segment)) throw this.#gone(number);
    if (record === "missing") this.#disk.loseSegment(segment);
    else this.#disk.lose(segment, slot);
    this.#loop.tidySoon();
    throw new StorageError("damaged", `Cannot read record ${number} of "${path}": ${whyLost[record]}; it is lost`);
  }

  next(owner: string, after = 0): number | undefined {
    return this.#disk.index.next(owner, after + 1);
  }

  bytesOf(number: number): number {
    const segment = this.#disk.index.find(number);
    return segment?.slots.bytesOf(number - segment.first) ?? 0;
  }

  ageOf(number: number): RecordAge {
    const time = this.#timeOf(number);
    return time ? recordAge(time, { clock: this.#clock, boot: this.#boot }) : "unknown";
  }

  isOfThisBoot(number: number): boolean {
    const time = this.#timeOf(number);
    return time !== undefined && isSameRun(time, this.#boot);
  }

  appendedAtMs(number: number): number {
    return this.#timeOf(number)?.wallMs ?? 0;
  }

  owners(): readonly string[] {
    return this.#disk.index.owners();
  }

  usage(owner: string): { readonly records: number; readonly bytes: number } {
    return this.#disk.index.usage(owner);
  }

  snapshot(): SpoolStatus {
    const { segments, bytes } = this.#disk.index;
    const { newerBytes } = this.#disk;
    const { problem } = this.#loop;
    const memoryBytes = segments.reduce((sum, segment) => sum + segment.memoryBytes, 0);
    return {
      segments: segments.length,
      bytes,
      memoryBytes,
      ...(newerBytes > 0 && { newerBytes }),
      ...(problem && { problem: { reason: problem.reason, message: problem.message } }),
    };
  }

  applyOptions(options: SpoolLogOptions): void {
    this.#options = options;
    this.#loop.tidyNow();
  }

  async flush(): Promise<void> {
    this.#refuseIfClosed();
    await this.#loop.flush();
  }

  close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = this.#close();
      this.#onClose(this.#closing);
    }
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const step of [() => this.#loop.close(), () => this.#disk.close()]) {
      await step().catch((thrown: unknown) =>
        this.#log.warn("A log could not be closed properly; what was settled last may be sent again", { err: thrown }),
      );
    }
  }

  async #readSlot(segment: Segment, slot: number): Promise<SpoolRecord | keyof typeof whyLost> {
    try {
      return await readSlot(this.#dir, segment, slot);
    } catch (thrown) {
      // What is on a disk that is gone may come back with it. One that takes a write is there, and what it does not give even so is damage.
      if (!isDiskFailure(thrown) || !(await this.#takesWrites())) throw thrown;
    }
    return await readSlot(this.#dir, segment, slot).catch((thrown: unknown) => {
      if (isDiskFailure(thrown)) return "unreadable";
      throw thrown;
    });
  }

  #takesWrites(): Promise<boolean> {
    const nothing = { meta: new Uint8Array(), data: new Uint8Array() };
    return this.append(nothing, []).then(
      () => true,
      () => false,
    );
  }

  #timeOf(number: number): RecordTime | undefined {
    const segment = this.#disk.index.find(number);
    if (!segment) return undefined;
    const slot = number - segment.first;
    return { wallMs: segment.slots.wallMsOf(slot), bootMs: segment.slots.bootMsOf(slot), bootId: segment.bootId };
  }

  #note(segment: Segment, { number, owner, wanted }: { number: number; owner: string; wanted: boolean }): void {
    this.#disk.note(segment, { slot: number - segment.first, owner, wanted });
    this.#loop.tidySoon();
  }

  #refuseIfClosed(): void {
    if (this.#closing) throw new StorageError("closed", `Cannot use the log "${this.#dir}": it was closed`);
  }

  #refuseIfTooLarge(bytes: number): void {
    const { maxBytes } = this.#options;
    if (bytes <= maxBytes) return;
    const sizes = `${formatSize(bytes)} is above the limit of ${formatSize(maxBytes)} for all records`;
    throw new StorageError("too_large", `Cannot keep a record in "${this.#dir}": ${sizes}; raise max_disk`);
  }

  #gone(number: number): StorageError {
    return new StorageError("damaged", `Cannot read record ${number} of "${this.#dir}": it is not there any more`);
  }
}
