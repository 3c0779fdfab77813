import type { Clock } from "../../base/index.ts";
import type { Profile } from "../../model/index.ts";
import { writeLimits } from "./limits.ts";
import type { DropReason } from "./push-outcome.ts";

export interface QueueLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** A profile and what an endpoint knows about it. Times are monotonic unless said otherwise. */
export interface QueueEntry {
  readonly profile: Profile;
  /** What it counts against the queue's bound. */
  readonly bytes: number;
  readonly queuedMs: number;
  /** Wall time. */
  readonly queuedAtMs: number;
  inFlight: boolean;
  attempts: number;
  /** Attempts whose failure counts against this profile and not against the endpoint. */
  failures: number;
  /** Not to be tried before. */
  notBeforeMs: number;
}

/** What became of a profile that was to be queued: `queue_full` where what is in flight leaves no room for it. */
export type Added = "queued" | "larger_than_queue" | "queue_full";

export interface ProfileQueueOptions {
  readonly clock: Clock;
  /** Told of every entry that the queue itself lets go. */
  readonly onDropped: (entry: QueueEntry, reason: DropReason) => void;
}

/** The memory that a queued profile takes. */
export function occupiedBytes({ data }: Profile): number {
  return data.byteLength + writeLimits.entryBytes;
}

/**
 * The profiles that wait for one endpoint, oldest first, bounded by bytes and age. A profile in flight stays in, because it still
 * occupies memory, but is never the one that makes room.
 */
export class ProfileQueue {
  readonly #clock: Clock;
  readonly #onDropped: ProfileQueueOptions["onDropped"];
  // A Set keeps the order of insertion, which is that of age, and deletes in constant time.
  readonly #entries = new Set<QueueEntry>();
  #limits: QueueLimits;
  #bytes = 0;
  #inFlightBytes = 0;

  constructor(limits: QueueLimits, options: ProfileQueueOptions) {
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

  applyLimits(limits: QueueLimits): void {
    this.#limits = limits;
    this.expire();
    this.#makeRoom(0);
  }

  /** Takes a profile, at the expense of the oldest ones that wait; one that would not fit even so costs no other its place. */
  add(profile: Profile): Added {
    const entry = this.#entryOf(profile);
    const { maxBytes } = this.#limits;
    if (entry.bytes > maxBytes) return "larger_than_queue";
    if (this.#inFlightBytes + entry.bytes > maxBytes) return "queue_full";
    this.expire();
    this.#makeRoom(entry.bytes);
    this.#entries.add(entry);
    this.#bytes += entry.bytes;
    return "queued";
  }

  /** The oldest entry that may be tried now, marked as in flight. */
  take(): QueueEntry | undefined {
    const nowMs = this.#clock.monotonic();
    for (const entry of this.#entries) {
      if (entry.inFlight || entry.notBeforeMs > nowMs) continue;
      entry.inFlight = true;
      this.#inFlightBytes += entry.bytes;
      return entry;
    }
    return undefined;
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
  }

  /** When the next entry may be tried; `undefined` where none waits. */
  nextMs(): number | undefined {
    let nextMs: number | undefined;
    for (const { inFlight, notBeforeMs } of this.#entries)
      if (!inFlight && (nextMs === undefined || notBeforeMs < nextMs)) nextMs = notBeforeMs;
    return nextMs;
  }

  /** Lets every entry be tried at once. */
  hurry(): void {
    for (const entry of this.#entries) entry.notBeforeMs = 0;
  }

  /** Lets go what is older than the bound. */
  expire(): void {
    const oldestMs = this.#clock.monotonic() - this.#limits.maxAgeMs;
    for (const entry of this.#entries) {
      if (entry.queuedMs >= oldestMs) return;
      if (!entry.inFlight) this.#drop(entry, "too_old");
    }
  }

  /** Lets everything go; returns what it was. */
  clear(reason: DropReason): { readonly profiles: number; readonly bytes: number } {
    const lost = { profiles: this.size, bytes: this.#bytes };
    for (const entry of this.#entries) this.#drop(entry, reason);
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

  #entryOf(profile: Profile): QueueEntry {
    return {
      profile,
      bytes: occupiedBytes(profile),
      queuedMs: this.#clock.monotonic(),
      queuedAtMs: this.#clock.now(),
      inFlight: false,
      attempts: 0,
      failures: 0,
      notBeforeMs: 0,
    };
  }
}
