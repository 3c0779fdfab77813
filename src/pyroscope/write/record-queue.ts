import type { Clock } from "../../base/index.ts";
import type { RecordAge, SpoolLog } from "../../storage/index.ts";
import { writeLimits } from "./limits.ts";
import type { OnDropped } from "./memory-queue.ts";
import type { DropReason } from "./push-outcome.ts";
import { markSafe, newEntry, type QueueEntry } from "./queue-entry.ts";

export interface RecordLimits {
  readonly maxDiskBytes: number;
  readonly maxAgeMs: number;
  /** What records that are in flight may take in memory; one may always be. */
  readonly maxReadBytes: number;
}

/**
 * Whether this machine's clock, and with it the age of what an earlier run of the machine left, is right, as far as is known. `not_yet`: it may
 * still be set.
 */
export type ClockTrust = "right" | "not_yet" | "wrong";

export interface RecordQueueOptions {
  /** `undefined` until it is open. */
  readonly log: () => SpoolLog | undefined;
  /** Whose records of the log these are. */
  readonly owner: string;
  /** Whether a record of the owner may be sent yet. */
  readonly claimed: (number: number) => boolean;
  /** Tells the log that the owner wants a record no more. */
  readonly settle: (number: number) => void;
  readonly clockTrust: () => ClockTrust;
  readonly clock: Clock;
  /** Told of every entry that the queue itself lets go. */
  readonly onDropped: OnDropped;
}

/** `live`: younger than `writeLimits.liveMs`. */
export type Lane = "live" | "backlog";

/**
 * The profiles that wait for one endpoint on disk, oldest first, bounded by bytes and age. The log holds them; here is only what
 * is in flight or has failed, so that a backlog of any length takes no memory of its own.
 */
export class RecordQueue {
  readonly #options: RecordQueueOptions;
  #limits: RecordLimits;
  /** In flight, or failed before; by number. */
  readonly #entries = new Map<number, QueueEntry>();
  #inFlight = 0;
  #inFlightBytes = 0;
  #backlogInFlight = 0;
  /** Every record up to here is older than live ones. */
  #liveAfter: number | undefined;
  /** Every record up to here waits for the machine's clock to be set. */
  #timelessUpTo: number | undefined;
  /** The record of the backlog that was tried last. */
  #triedLast = 0;
  /** With as many failures remembered as may be, something of the backlog that has not failed yet is tried no earlier. */
  #strangerAfterMs = 0;
  /** The disk could not be read: until then it is not tried again. */
  #readAfterMs = 0;
  /** Until then none of the backlog can be tried: looking costs something where thousands wait for their time. */
  #idleUntilMs = 0;

  constructor(limits: RecordLimits, options: RecordQueueOptions) {
    this.#limits = limits;
    this.#options = options;
  }

  get usage(): { readonly records: number; readonly bytes: number } {
    return this.#log?.usage(this.#options.owner) ?? { records: 0, bytes: 0 };
  }

  get backlogInFlight(): number {
    return this.#backlogInFlight;
  }

  /** How long the oldest has waited, in milliseconds; `undefined` where there is none or nobody knows. */
  get oldestAgeMs(): number | undefined {
    for (const number of this.#wanted()) {
      const ageMs = this.#ageOf(number);
      return typeof ageMs === "number" ? ageMs : undefined;
    }
    return undefined;
  }

  applyLimits(limits: RecordLimits): void {
    this.#limits = limits;
    this.expire();
  }

  /** Takes over what was in memory and is on disk now. */
  adopt(entry: QueueEntry): void {
    if (entry.record === undefined) return;
    if (entry.inFlight) this.#count(entry, 1);
    else entry.profile = undefined;
    if (entry.inFlight || entry.attempts > 0) this.#remember(entry);
    this.#makeRoom();
  }

  /** The first of the lane that may be tried now and finds room in memory. */
  next(lane: Lane): QueueEntry | undefined {
    const nowMs = this.#options.clock.monotonic();
    if (nowMs < this.#readAfterMs || (lane === "backlog" && nowMs < this.#idleUntilMs)) return undefined;
    // What they would do wrong could not be remembered: of thousands that a server never takes none must be tried without end.
    const strangerMs = lane === "backlog" && this.#isFull ? this.#strangerAfterMs : 0;
    let untilMs = Infinity;
    for (const number of this.#lane(lane)) {
      const readyMs = this.#readyMs(number, strangerMs);
      if (readyMs <= nowMs) {
        const entry = this.#entryOf(number);
        return this.#fits(entry) ? entry : undefined;
      }
      untilMs = Math.min(untilMs, readyMs);
    }
    if (lane === "backlog" && untilMs < Infinity)
      this.#idleUntilMs = Math.min(untilMs, nowMs + writeLimits.backlogLookMs);
    return undefined;
  }

  /**
   * Some of the lane that may be tried now. Of the live ones the newest: what came in just before may all be at fault, where a server that was away is
   * another one now.
   */
  candidates(lane: Lane): readonly QueueEntry[] {
    const { probeCandidates: most } = writeLimits;
    const nowMs = this.#options.clock.monotonic();
    if (nowMs < this.#readAfterMs) return [];
    const ready: number[] = [];
    for (const number of this.#lane(lane)) {
      if (lane === "backlog" && ready.length === most) break;
      // Those that wait for their time may be many, and all of them at fault themselves.
      if (this.#readyMs(number) <= nowMs) ready.push(number);
    }
    return ready.slice(-most).map((number) => this.#entryOf(number));
  }

  take(entry: QueueEntry): QueueEntry {
    entry.inFlight = true;
    entry.backlog = entry.record !== undefined && this.#isOld(entry.record);
    if (entry.backlog) this.#triedLast = entry.record ?? 0;
    if (this.#isFull && !this.#entries.has(entry.record ?? -1))
      this.#strangerAfterMs = this.#options.clock.monotonic() + writeLimits.backlogLookMs;
    this.#remember(entry);
    this.#count(entry, 1);
    return entry;
  }

  /** Puts an entry back that was in flight, to be tried again not before that time. Its bytes stay on disk only. */
  putBack(entry: QueueEntry, notBeforeMs: number): void {
    this.#count(entry, -1);
    entry.inFlight = false;
    entry.backlog = false;
    entry.profile = undefined;
    entry.notBeforeMs = notBeforeMs;
    this.#idleUntilMs = Math.min(this.#idleUntilMs, notBeforeMs);
    // Its failures are forgotten: it starts anew when it is its turn.
    if (entry.record !== undefined && this.#entries.size > writeLimits.failedRecords)
      this.#entries.delete(entry.record);
  }

  /** The same for one that could not be read: the disk is not asked for another before that either. */
  putBackUnread(entry: QueueEntry, notBeforeMs: number): void {
    this.#readAfterMs = notBeforeMs;
    this.putBack(entry, notBeforeMs);
  }

  /** Notes that the log has let a record go. Returns whether it is in flight, and may be delivered yet. */
  lose(number: number, reason: DropReason): boolean {
    const entry = this.#entries.get(number);
    // Another record may have the number, where the directory was replaced.
    this.#entries.delete(number);
    if (!entry?.inFlight) return false;
    entry.lost = reason;
    return true;
  }

  /** The log cannot give it any more, and tells by itself what became of it. */
  forget(entry: QueueEntry): void {
    entry.lost = "spool_damaged";
    this.remove(entry);
  }

  /** It is delivered or given up. */
  remove(entry: QueueEntry): void {
    if (entry.record === undefined) return;
    if (entry.inFlight) this.#count(entry, -1);
    if (this.#entries.get(entry.record) === entry) this.#entries.delete(entry.record);
    // Else the log knows, and the number may be that of another by now.
    if (!entry.lost) this.#options.settle(entry.record);
    markSafe(entry);
  }

  /** When the first of those may be tried that could not be at `nowMs`. */
  nextMs(nowMs: number): number | undefined {
    let nextMs: number | undefined;
    for (const { inFlight, notBeforeMs } of this.#entries.values())
      if (!inFlight && notBeforeMs > nowMs && (nextMs === undefined || notBeforeMs < nextMs)) nextMs = notBeforeMs;
    // Of those that have not failed there is no time, nor of those that come to it by age.
    if (this.#idleUntilMs > nowMs && this.usage.records > 0) nextMs = Math.min(nextMs ?? Infinity, this.#idleUntilMs);
    if (this.#readAfterMs > nowMs && this.usage.records > 0) nextMs = Math.min(nextMs ?? Infinity, this.#readAfterMs);
    // Nobody tells when the machine's clock has been set.
    if (this.#timelessUpTo !== undefined) nextMs = Math.min(nextMs ?? Infinity, nowMs + writeLimits.clockCheckMs);
    return nextMs;
  }

  hurry(): void {
    this.#idleUntilMs = 0;
    this.#readAfterMs = 0;
    for (const entry of this.#entries.values()) entry.notBeforeMs = 0;
  }

  /** Lets go what is older than the bound, or of an age that nobody will ever know. */
  expire(): void {
    const { maxAgeMs } = this.#limits;
    for (const number of this.#sendable()) {
      if (this.#entries.get(number)?.inFlight) continue;
      const ageMs = this.#ageOf(number);
      if (ageMs === "unknown") this.#drop(number, "unknown_age");
      else if (typeof ageMs === "number" && ageMs > maxAgeMs) this.#drop(number, "too_old");
      else break;
    }
    this.#makeRoom();
  }

  #makeRoom(): void {
    if (this.usage.bytes <= this.#limits.maxDiskBytes) return;
    for (const number of this.#wanted()) {
      if (!this.#entries.get(number)?.inFlight) this.#drop(number, "spool_full");
      if (this.usage.bytes <= this.#limits.maxDiskBytes) return;
    }
  }

  #drop(number: number, reason: DropReason): void {
    const entry = this.#entryOf(number);
    this.remove(entry);
    this.#options.onDropped(entry, reason);
  }

  *#wanted(after?: number): Iterable<number> {
    const log = this.#log;
    if (!log) return;
    const { owner, claimed } = this.#options;
    for (let number = log.next(owner, after); number !== undefined; number = log.next(owner, number))
      if (claimed(number)) yield number;
  }

  #lane(lane: Lane): Iterable<number> {
    if (lane === "backlog") return this.#backlog();
    for (const number of this.#wanted(this.#liveAfter)) {
      if (!this.#isOld(number)) break;
      this.#liveAfter = number;
    }
    return this.#wanted(this.#liveAfter);
  }

  /**
   * Oldest first, but round and round: it goes on behind the one that was tried last. So what is at fault itself, however much of it there
   * is, holds up what comes after it once and not again.
   */
  *#backlog(): Iterable<number> {
    for (const number of this.#sendable(this.#triedLast)) {
      if (!this.#isOld(number)) break;
      yield number;
    }
    for (const number of this.#sendable()) {
      if (number > this.#triedLast) return;
      yield number;
    }
  }

  /** Without those of earlier runs of the machine as long as its clock is not set: they come first, and may be many. */
  #sendable(after = 0): Iterable<number> {
    const timeless = (number: number): boolean => this.#ageOf(number) === "not_yet";
    const [first] = this.#wanted();
    if (first === undefined || !timeless(first)) {
      this.#timelessUpTo = undefined;
      return this.#wanted(after);
    }
    this.#timelessUpTo ??= first;
    for (const number of this.#wanted(this.#timelessUpTo)) {
      if (!timeless(number)) break;
      this.#timelessUpTo = number;
    }
    return this.#wanted(Math.max(after, this.#timelessUpTo));
  }

  /** As the log tells it. That of an earlier run of the machine is a difference of two wall clocks: nobody knows it while today's is wrong. */
  #ageOf(number: number): RecordAge {
    const ageMs = this.#log?.ageOf(number) ?? "unknown";
    if (typeof ageMs !== "number" || this.#log?.isOfThisBoot(number)) return ageMs;
    return { right: ageMs, not_yet: "not_yet" as const, wrong: "unknown" as const }[this.#options.clockTrust()];
  }

  #isOld(number: number): boolean {
    const ageMs = this.#ageOf(number);
    return typeof ageMs !== "number" || ageMs > writeLimits.liveMs;
  }

  /** When it may be tried; `strangerMs` where it has not failed yet, and never while it is in flight. */
  #readyMs(number: number, strangerMs = 0): number {
    const entry = this.#entries.get(number);
    if (!entry) return strangerMs;
    return entry.inFlight ? Infinity : entry.notBeforeMs;
  }

  get #isFull(): boolean {
    return this.#entries.size >= writeLimits.failedRecords;
  }

  #fits({ bytes }: QueueEntry): boolean {
    return this.#inFlight === 0 || this.#inFlightBytes + bytes <= this.#limits.maxReadBytes;
  }

  #entryOf(number: number): QueueEntry {
    const known = this.#entries.get(number);
    if (known) return known;
    const bytes = (this.#log?.bytesOf(number) ?? 0) + writeLimits.entryBytes;
    return newEntry({ profile: undefined, record: number, bytes, queued: undefined });
  }

  #remember(entry: QueueEntry): void {
    if (entry.record === undefined) return;
    if (entry.inFlight || !this.#isFull) this.#entries.set(entry.record, entry);
  }

  #count({ bytes, backlog }: QueueEntry, by: 1 | -1): void {
    this.#inFlight += by;
    this.#inFlightBytes += by * bytes;
    if (backlog) this.#backlogInFlight += by;
  }

  get #log(): SpoolLog | undefined {
    return this.#options.log();
  }
}
