import type { Clock } from "../../base/index.ts";
import type { Profile } from "../../model/index.ts";
import { type MemoryLimits, MemoryQueue, type NoRoom } from "./memory-queue.ts";
import type { DropReason } from "./push-outcome.ts";
import type { QueueEntry } from "./queue-entry.ts";
import { type Lane, RecordQueue, type RecordQueueOptions } from "./record-queue.ts";

export interface QueueLimits extends MemoryLimits {
  readonly maxDiskBytes: number;
}

// Where only one request may be in flight, every so many is for the backlog.
const backlogTurn = 4;

/**
 * Everything that waits for one endpoint: what is in memory, and what is on disk, each entry in one of the two.
 *
 * It is served in two lanes. Live is memory, then young records; backlog is older records. Live goes first, so that what happens now
 * can be seen now, but one request is always the backlog's, so that its age stays bounded.
 */
export class ProfileQueue {
  readonly #clock: Clock;
  readonly #memory: MemoryQueue;
  readonly #records: RecordQueue;
  #turn = 0;

  constructor(limits: QueueLimits, options: RecordQueueOptions) {
    this.#clock = options.clock;
    this.#memory = new MemoryQueue(limits, options);
    this.#records = new RecordQueue(recordLimits(limits), options);
  }

  /** In memory; what is on disk and in flight counts there. */
  get memory(): Pick<MemoryQueue, "size" | "bytes" | "inFlightBytes" | "maxBytes"> {
    return this.#memory;
  }

  get disk(): { readonly records: number; readonly bytes: number } {
    return this.#records.usage;
  }

  /** Whether there is something that is not in flight, given how much is. */
  waits(inFlight: number): boolean {
    return this.#memory.size + this.#records.usage.records > inFlight;
  }

  /** How long the oldest has waited, in milliseconds. */
  get oldestAgeMs(): number | undefined {
    const queued = this.#memory.oldest?.queued;
    const ages = [queued && this.#clock.uptime() - queued.uptimeMs, this.#records.oldestAgeMs];
    const known = ages.filter((age) => age !== undefined);
    return known.length > 0 ? Math.max(...known) : undefined;
  }

  applyLimits(limits: QueueLimits): void {
    this.#memory.applyLimits(limits);
    this.#records.applyLimits(recordLimits(limits));
  }

  add(profile: Profile): QueueEntry | NoRoom {
    return this.#memory.add(profile);
  }

  /** What is in memory and neither on its way to the disk nor unfit for it, oldest first. */
  *unwritten(): Iterable<QueueEntry> {
    for (const entry of this.#memory.entries()) if (entry.writing === false) yield entry;
  }

  /** Oldest first. */
  inMemory(): Iterable<QueueEntry> {
    return this.#memory.entries();
  }

  /** Moves an entry to the records: it is on disk now. Returns whether anybody still wants it. */
  written(entry: QueueEntry, number: number): boolean {
    if (!this.#memory.has(entry)) return false;
    this.#memory.remove(entry);
    entry.record = number;
    this.#records.adopt(entry);
    return true;
  }

  /** The disk took an entry and let it go before that was known here: it goes, or once its push has failed. */
  loseUnwritten(entry: QueueEntry, reason: DropReason): void {
    this.#memory.lose(entry, reason);
  }

  /** The next to be tried, marked as in flight; `undefined` where none may be now. */
  take({ window }: { readonly window: number }): QueueEntry | undefined {
    const backlogFirst =
      window > 1 ? this.#records.backlogInFlight === 0 : this.#turn % backlogTurn === backlogTurn - 1;
    const lanes: readonly Lane[] = backlogFirst ? ["backlog", "live"] : ["live", "backlog"];
    for (const lane of lanes) {
      // The backlog leaves one request to what comes next, however long its own take.
      if (lane === "backlog" && window > 1 && this.#records.backlogInFlight >= window - 1) continue;
      const entry = this.#next(lane);
      if (!entry) continue;
      this.#turn += 1;
      return this.#take(entry);
    }
    return undefined;
  }

  /**
   * What an endpoint in trouble is probed with, marked as in flight: one of those that look most innocent. The smallest has the best chance
   * on a bad line; where it is unclear whose fault the last failure was, any, because the smallest may all be of one kind that is at fault.
   */
  takeProbe({ unclear }: { readonly unclear: boolean }): QueueEntry | undefined {
    const lanes = [mostInnocent(this.#candidates("live")), mostInnocent(this.#candidates("backlog"))];
    const innocent = mostInnocent(lanes.flat());
    // Each lane has the same chance, so that what comes in now is not lost in a long backlog.
    const fewest = innocent[0]?.doubts;
    const lane = anyOf(lanes.filter(([first]) => first && first.doubts === fewest)) ?? [];
    const best = unclear ? anyOf(lane) : smallestOf(innocent);
    return best && this.#take(best);
  }

  /** Something young that has not failed yet, marked as in flight: it tells whether it is only the backlog that does not pass. */
  takeFresh(): QueueEntry | undefined {
    const fresh = anyOf([...this.#candidates("live")].filter(({ doubts }) => doubts === 0));
    return fresh && this.#take(fresh);
  }

  /** Puts an entry back that was in flight, to be tried again not before that time. */
  putBack(entry: QueueEntry, notBeforeMs: number): void {
    if (entry.record === undefined) this.#memory.putBack(entry, notBeforeMs);
    else this.#records.putBack(entry, notBeforeMs);
  }

  /** Notes that the log has let a record go. Returns whether it is in flight, and may be delivered yet. */
  lose(number: number, reason: DropReason): boolean {
    return this.#records.lose(number, reason);
  }

  /** The same for one that could not be read. */
  putBackUnread(entry: QueueEntry, notBeforeMs: number): void {
    this.#records.putBackUnread(entry, notBeforeMs);
  }

  /** The log cannot give it any more, and tells by itself what became of it. */
  forget(entry: QueueEntry): void {
    this.#records.forget(entry);
  }

  /** It is delivered or given up. */
  remove(entry: QueueEntry): void {
    if (entry.record === undefined) this.#memory.remove(entry);
    else this.#records.remove(entry);
  }

  /** When the next may be tried of those that could not be at `nowMs`; `undefined` where none waits for its time. */
  nextMs(nowMs: number): number | undefined {
    const times = [this.#memory.nextMs(), this.#records.nextMs(nowMs)].filter((time) => time !== undefined);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** Lets every entry be tried at once. */
  hurry(): void {
    this.#memory.hurry();
    this.#records.hurry();
  }

  /** Lets go what is older than the bound. */
  expire(): void {
    this.#memory.expire();
    this.#records.expire();
  }

  /** Lets go what is in memory; returns what it was. */
  clearMemory(reason: DropReason): { readonly profiles: number; readonly bytes: number } {
    return this.#memory.clear(reason);
  }

  #next(lane: Lane): QueueEntry | undefined {
    const young = lane === "live" ? this.#memory.next() : undefined;
    return young ?? this.#records.next(lane);
  }

  #take(entry: QueueEntry): QueueEntry {
    return entry.record === undefined ? this.#memory.take(entry) : this.#records.take(entry);
  }

  *#candidates(lane: Lane): Iterable<QueueEntry> {
    const nowMs = this.#clock.monotonic();
    if (lane === "live")
      for (const entry of this.#memory.entries()) if (!entry.inFlight && entry.notBeforeMs <= nowMs) yield entry;
    yield* this.#records.candidates(lane);
  }
}

/** Those with the fewest doubts. */
function mostInnocent(entries: Iterable<QueueEntry>): readonly QueueEntry[] {
  let best: QueueEntry[] = [];
  for (const entry of entries) {
    const doubts = best[0]?.doubts ?? Number.POSITIVE_INFINITY;
    if (entry.doubts < doubts) best = [entry];
    else if (entry.doubts === doubts) best.push(entry);
  }
  return best;
}

function smallestOf(entries: readonly QueueEntry[]): QueueEntry | undefined {
  let best: QueueEntry | undefined;
  for (const entry of entries) if (!best || entry.bytes < best.bytes) best = entry;
  return best;
}

function anyOf<T>(list: readonly T[]): T | undefined {
  return list[Math.floor(Math.random() * list.length)];
}

function recordLimits({ maxBytes, maxAgeMs, maxDiskBytes }: QueueLimits) {
  return { maxDiskBytes, maxAgeMs, maxReadBytes: maxBytes / 2 };
}
