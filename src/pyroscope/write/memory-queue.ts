import { type Clock, formatSize } from "../../base/index.ts";
import type { Profile } from "../../model/index.ts";
import { writeLimits } from "./limits.ts";
import type { DropReason } from "./push-outcome.ts";
import { markSafe, newEntry, type QueueEntry } from "./queue-entry.ts";

export interface MemoryLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** Why a profile could not be queued: `queue_full` where what is in flight leaves no room for it. */
export type NoRoom = "larger_than_queue" | "queue_full";

/** The same in words, with what to do; given the queue that had no room. */
export function whyNoRoom(reason: NoRoom, profile: Profile, queue: Pick<MemoryQueue, "maxBytes" | "inFlightBytes">) {
  const what = `the ${formatSize(occupiedBytes(profile))} it occupies do not fit into ${formatSize(queue.maxBytes)}`;
  return reason === "larger_than_queue"
    ? `${what}; raise queue.max_memory`
    : `${what} beside the ${formatSize(queue.inFlightBytes)} in flight; raise queue.max_memory or lower queue.max_in_flight`;
}

/** Told of every entry that a queue itself lets go. */
export type OnDropped = (entry: QueueEntry, reason: DropReason) => void;

/** The memory that a queued profile takes. */
export function occupiedBytes({ data }: Profile): number {
  return data.byteLength + writeLimits.entryBytes;
}

/**
 * The profiles that wait for one endpoint in memory, oldest first, bounded by bytes and age. A profile in flight stays in, because
 * it still occupies memory, but is never the one that makes room.
 */
export class MemoryQueue {
  readonly #clock: Clock;
  readonly #onDropped: OnDropped;
  // A Set keeps the order of insertion, which is that of age, and deletes in constant time.
  readonly #entries = new Set<QueueEntry>();
  #limits: MemoryLimits;
  #bytes = 0;
  #inFlightBytes = 0;

  constructor(limits: MemoryLimits, options: { readonly clock: Clock; readonly onDropped: OnDropped }) {
    this.#limits = limits;
    this.#clock = options.clock;
    this.#onDropped = options.onDropped;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of `bytes`, those that cannot make room now. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  get maxBytes(): number {
    return this.#limits.maxBytes;
  }

  get oldest(): QueueEntry | undefined {
    return this.#entries.values().next().value;
  }

  /** Oldest first. */
  entries(): Iterable<QueueEntry> {
    return this.#entries;
  }

  has(entry: QueueEntry): boolean {
    return this.#entries.has(entry);
  }

  applyLimits(limits: MemoryLimits): void {
    this.#limits = limits;
    this.expire();
    this.#makeRoom(0);
  }

  /** Takes a profile, at the expense of the oldest ones that wait; one that would not fit even so costs no other its place. */
  add(profile: Profile): QueueEntry | NoRoom {
    const queued = { uptimeMs: this.#clock.uptime(), wallMs: this.#clock.now() };
    const entry = newEntry({ profile, record: undefined, bytes: occupiedBytes(profile), queued });
    const { maxBytes } = this.#limits;
    if (entry.bytes > maxBytes) return "larger_than_queue";
    if (this.#inFlightBytes + entry.bytes > maxBytes) return "queue_full";
    this.expire();
    this.#makeRoom(entry.bytes);
    this.#entries.add(entry);
    this.#bytes += entry.bytes;
    return entry;
  }

  /** The oldest entry that may be tried now. */
  next(): QueueEntry | undefined {
    const nowMs = this.#clock.monotonic();
    for (const entry of this.#entries) if (!entry.inFlight && entry.notBeforeMs <= nowMs) return entry;
    return undefined;
  }

  take(entry: QueueEntry): QueueEntry {
    entry.inFlight = true;
    this.#inFlightBytes += entry.bytes;
    return entry;
  }

  /** Puts an entry back that was in flight, to be tried again not before that time. */
  putBack(entry: QueueEntry, notBeforeMs: number): void {
    entry.inFlight = false;
    this.#inFlightBytes -= entry.bytes;
    entry.notBeforeMs = notBeforeMs;
  }

  remove(entry: QueueEntry): void {
    if (!this.#entries.delete(entry)) return;
    this.#bytes -= entry.bytes;
    if (entry.inFlight) this.#inFlightBytes -= entry.bytes;
    markSafe(entry);
  }

  /** Lets an entry go, or notes why it goes where it is in flight, and may be delivered yet. */
  lose(entry: QueueEntry, reason: DropReason): void {
    if (entry.inFlight) entry.lost = reason;
    else if (this.#entries.has(entry)) this.#drop(entry, reason);
  }

  /** When the next entry may be tried; `undefined` where none waits. */
  nextMs(): number | undefined {
    let nextMs: number | undefined;
    for (const { inFlight, notBeforeMs } of this.#entries)
      if (!inFlight && (nextMs === undefined || notBeforeMs < nextMs)) nextMs = notBeforeMs;
    return nextMs;
  }

  /** Lets every entry be tried at once, and by the disk that would not take it too: its bound may be another. */
  hurry(): void {
    for (const entry of this.#entries) {
      entry.notBeforeMs = 0;
      if (entry.writing === "unfit") entry.writing = false;
    }
  }

  /** Lets go what is older than the bound. */
  expire(): void {
    const oldestMs = this.#clock.uptime() - this.#limits.maxAgeMs;
    for (const entry of this.#entries) {
      if ((entry.queued?.uptimeMs ?? 0) >= oldestMs) return;
      if (!entry.inFlight) this.#drop(entry, "too_old");
    }
  }

  /** Lets everything go because time is up; returns what it was. */
  clear(reason: DropReason): { readonly profiles: number; readonly bytes: number } {
    const lost = { profiles: this.size, bytes: this.#bytes };
    for (const entry of this.#entries) {
      if (entry.writing === true) entry.writing = "late";
      this.#drop(entry, reason);
    }
    return lost;
  }

  #makeRoom(bytes: number): void {
    for (const entry of this.#entries) {
      if (this.#bytes + bytes <= this.#limits.maxBytes) return;
      if (!entry.inFlight) this.#drop(entry, "queue_full");
    }
  }

  #drop(entry: QueueEntry, reason: DropReason): void {
    this.remove(entry);
    this.#onDropped(entry, reason);
  }
}
