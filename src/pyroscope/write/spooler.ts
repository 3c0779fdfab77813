import type { Clock, Timer } from "../../base/index.ts";
import type { Profile } from "../../model/index.ts";
import type { Logger } from "../../observability/index.ts";
import { type LostRecord, type SpoolLog, type SpoolLogOptions, StorageError } from "../../storage/index.ts";
import { Claims } from "./claims.ts";
import { DiskTrouble } from "./disk-trouble.ts";
import { writeLimits } from "./limits.ts";
import type { SpoolMetrics } from "./metrics.ts";
import { toRecord } from "./profile-record.ts";
import type { QueueEntry } from "./queue-entry.ts";
import { RecordReader } from "./record-reader.ts";
import { lateMessage, SpoolHealth } from "./spool-health.ts";
import { Timers } from "./timers.ts";

export interface SpoolerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: SpoolMetrics;
  /** The component's log; asked for when the spooler opens, so that nothing is touched before. */
  readonly spoolLog: () => SpoolLog;
  /** Whether somebody means to keep anything; else it only delivers what an earlier process left. */
  readonly needed: () => boolean;
}

/** A profile on its way to the disk. */
interface Writing {
  readonly owners: Set<string>;
  /** Since when it has waited; absent where that is now. */
  readonly queued: QueueEntry["queued"];
  /** No more owners: the log has it. */
  issued: boolean;
  readonly number: Promise<number>;
}

interface Wanting {
  readonly owner: string;
  readonly queued: QueueEntry["queued"];
}

const nothing = { meta: new Uint8Array(), data: new Uint8Array() };

/**
 * The disk side of one component: the log that its endpoints share. A profile that several of them want kept is written once. When
 * the disk fails, that is said once, and it is tried again after growing pauses, with one profile first; meanwhile everything stays
 * in memory.
 */
export class Spooler {
  readonly #options: SpoolerOptions;
  readonly #opened = Promise.withResolvers<void>();
  readonly #listeners = new Set<() => void>();
  readonly #timers: Timers;
  readonly #health: SpoolHealth;
  readonly #reader: RecordReader;
  /** That what became of records cannot be written down. */
  readonly #noting: DiskTrouble;
  readonly #writing = new Map<Profile, Writing>();
  /** What was written for whom, as long as the profile is in memory for somebody else. */
  #written = new WeakMap<Profile, { readonly number: number; readonly owners: Set<string> }>();
  readonly #claims = new Map<string, Claims>();
  /** Why the log let go what its writer does not know the number of yet; by owner and number. */
  readonly #losses = new Map<string, LostRecord["reason"]>();
  #log: SpoolLog | undefined;
  /** The same from the moment it was asked for, so that it is let go although it never opened. */
  #asked: SpoolLog | undefined;
  /** Handed to the log and not safe yet. */
  #pendingBytes = 0;
  #opening = false;
  #ended = false;
  /** In a failure: something is written without a profile to see whether it has ended. */
  #probing = false;

  constructor(options: SpoolerOptions) {
    this.#options = options;
    this.#timers = new Timers(options.clock);
    this.#reader = new RecordReader(options);
    this.#noting = new DiskTrouble(options, {
      begins: "Cannot write down which profiles were delivered from disk, a restart may send them again",
      ends: "Which profiles were delivered from disk is written down again",
    });
    this.#health = new SpoolHealth({
      ...options,
      timers: this.#timers,
      onChange: () => this.#tell(),
      retry: () => this.#retry(),
    });
  }

  /** The log; `undefined` until it has been opened. */
  get log(): SpoolLog | undefined {
    return this.#log;
  }

  /** Whether the disk takes nothing now, so that memory is all there is. */
  get failed(): boolean {
    return this.#health.failed;
  }

  /** Whether, in a failure, it may turn out any moment that the disk works again. */
  get trying(): boolean {
    return this.failed && (this.#opening || this.#health.trial || this.#probing || this.#writing.size > 0);
  }

  get canWrite(): boolean {
    if (this.#pendingBytes >= writeLimits.spoolPendingBytes) return false;
    return this.#health.working || this.#health.trial;
  }

  /** What is wrong with the disk, in words. */
  get problem(): string | undefined {
    const isRead = (this.#log?.owners().length ?? 0) > 0;
    return this.#health.problem ?? (isRead ? this.#reader.problem : undefined) ?? this.#noting.problem;
  }

  /** Calls `listener` whenever the log was opened, failed, or works again; until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  applyOptions(options: SpoolLogOptions): void {
    this.#asked?.applyOptions(options);
  }

  /** Opens the log, again and again where that fails; resolves once it is open. */
  open(): Promise<void> {
    this.#health.opening();
    void this.#open();
    return this.#opened.promise;
  }

  /** Ends the pause after a failure: there is no time left to wait. */
  hurry(): void {
    this.#health.hurry();
  }

  async #open(): Promise<void> {
    this.#opening = true;
    const stalled = this.#watch();
    try {
      const log = this.#options.spoolLog();
      this.#asked = log;
      await log.open();
      if (this.#ended) return;
      this.#log = log;
      this.#opening = false;
      this.#claimAll(log);
      this.#health.worked();
      this.#opened.resolve();
      this.#timers.after(writeLimits.spoolLookMs, () => this.#look(log));
    } catch (error) {
      this.#opening = false;
      this.#health.fail(error);
    } finally {
      stalled.cancel();
    }
  }

  /**
   * Resolves with the record's number once the profile is safe on disk; the record is not the owner's to send before it is claimed.
   * Rejects with a StorageError. Only where `canWrite`.
   */
  write(profile: Profile, owner: string, queued?: QueueEntry["queued"]): Promise<number> {
    const writing = this.#writing.get(profile);
    if (writing?.issued) return writing.number.then(() => this.write(profile, owner, queued));
    if (!writing) return this.#shared(profile, { owner, queued }) ?? this.#begin(profile, { owner, queued });
    writing.owners.add(owner);
    return writing.number;
  }

  /** Lets the owner send what `write` gave the number of. */
  claim(number: number, owner: string): void {
    if (this.#log) this.#claimsOf(owner, this.#log).claim(number);
  }

  /** What an earlier process left came to light after the log was opened: its directory was not there until now. */
  recovered(): void {
    if (!this.#log || this.#ended) return;
    // Its numbers may be those of other profiles.
    this.#written = new WeakMap();
    this.#claimAll(this.#log);
    this.#tell();
  }

  /** Whether a record is the owner's to send. */
  claimed(number: number, owner: string): boolean {
    return this.#claims.get(owner)?.has(number) ?? false;
  }

  /**
   * Notes that the log let a record go. Returns whether its owner is still writing it, and is told when that has ended: the profile is in its
   * memory.
   */
  lost({ number, owner, reason }: LostRecord): boolean {
    if (number === undefined || !this.#log || this.claimed(number, owner)) return false;
    this.#losses.set(lossKey(number, owner), reason);
    return true;
  }

  /** Why what `write` gave the number of was let go before; `undefined` where it is there. */
  takeLoss(number: number, owner: string): LostRecord["reason"] | undefined {
    const key = lossKey(number, owner);
    const reason = this.#losses.get(key);
    // The number may be that of another by now.
    if (this.#losses.delete(key)) this.#claims.get(owner)?.forget(number);
    return reason;
  }

  /** What became of writing down what was settled. */
  tidied(problem: StorageError | undefined): void {
    if (this.#ended) return;
    if (problem) this.#noting.failed(problem, { quiet: this.failed });
    else this.#noting.over();
  }

  /** The profile of a record. Rejects with a StorageError, and where the disk takes too long. */
  read(number: number, signal: AbortSignal): Promise<Profile> {
    return this.#reader.read(number, { spool: this.#log, signal });
  }

  /** The owner wants the record no more. */
  settle(number: number, owner: string): void {
    this.#log?.settle(number, owner);
    this.#claims.get(owner)?.forget(number);
  }

  /** Lets another owner have everything that this one has; returns how many records that is. */
  bequeath(from: string, to: string): number {
    const log = this.#log;
    if (!log) return 0;
    let records = 0;
    for (let number = log.next(from); number !== undefined; number = log.next(from, number)) {
      const claims = this.#claimsOf(to, log);
      // Held until it is claimed, which tells it from one that is about to be written for that owner.
      claims.hold(number);
      log.adopt(number, to);
      claims.claim(number);
      this.settle(number, from);
      records += 1;
    }
    if (records > 0) this.#tell();
    return records;
  }

  /** Writes down what was settled, and lets the log go; waits no longer than `writeLimits.closeMs`. */
  async close(): Promise<void> {
    const log = this.#asked;
    this.#ended = true;
    this.#health.close();
    this.#timers.cancelAll();
    this.#listeners.clear();
    if (!log) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const deadline = this.#options.clock.after(writeLimits.closeMs, resolve);
    const closed = log.close().catch((err: unknown) => this.#options.log.warn("Cannot close the spool", { err }));
    await Promise.race([closed, late]);
    deadline.cancel();
  }

  /** Lets the owner have the record that another still has; `undefined` where there is none. */
  #shared(profile: Profile, { owner, queued }: Wanting): Promise<number> | undefined {
    const log = this.#log;
    const written = this.#written.get(profile);
    if (!log || !written) return undefined;
    const { number, owners } = written;
    if (![...owners].some((other) => log.next(other, number - 1) === number)) return undefined;
    this.#claimsOf(owner, log).hold(number);
    log.adopt(number, owner);
    owners.add(owner);
    const late = new StorageError("io", lateMessage);
    const stalled = this.#timers.after(writeLimits.spoolStallMs, () => this.#health.fail(late));
    const flushed = log.flush().finally(() => stalled.cancel());
    return flushed.then(
      () => number,
      (error: unknown) => {
        owners.delete(owner);
        if (this.takeLoss(number, owner) === undefined) this.settle(number, owner);
        this.#written.delete(profile);
        if (!this.canWrite) throw error;
        // A record of its own needs no journal, and where that fails too the disk counts as failed.
        return this.write(profile, owner, queued);
      },
    );
  }

  #claimsOf(owner: string, log: SpoolLog): Claims {
    const known = this.#claims.get(owner);
    if (known) return known;
    const claims = new Claims((number) => log.next(owner, number));
    this.#claims.set(owner, claims);
    return claims;
  }

  /** Writes after a moment, in which other endpoints may want the same profile kept. */
  #begin(profile: Profile, { owner, queued }: Wanting): Promise<number> {
    this.#health.endTrial();
    const { promise: number, resolve, reject } = Promise.withResolvers<number>();
    const writing: Writing = { owners: new Set([owner]), queued, issued: false, number };
    this.#writing.set(profile, writing);
    this.#pendingBytes += profile.data.byteLength;
    this.#timers.after(writeLimits.gatherMs, () => {
      writing.issued = true;
      this.#append(profile, writing).then(resolve, reject);
    });
    return number;
  }

  async #append(profile: Profile, { owners, queued }: Writing): Promise<number> {
    const stalled = this.#watch();
    try {
      if (!this.#log) throw new StorageError("closed", "Cannot keep a profile on disk: the spool is not open");
      const ageMs = queued && this.#options.clock.uptime() - queued.uptimeMs;
      const waiting = queued && ageMs !== undefined ? { ageMs, sinceWallMs: queued.wallMs } : undefined;
      const number = await this.#log.append(toRecord(profile), [...owners], { waiting });
      this.#written.set(profile, { number, owners });
      this.#options.metrics.written(profile.data.byteLength);
      this.#health.worked();
      return number;
    } catch (error) {
      this.#writing.delete(profile);
      this.#health.fail(error);
      throw error;
    } finally {
      stalled.cancel();
      this.#writing.delete(profile);
      this.#release(profile.data.byteLength);
    }
  }

  #release(bytes: number): void {
    const { spoolPendingBytes } = writeLimits;
    const wasFull = this.#pendingBytes >= spoolPendingBytes;
    this.#pendingBytes -= bytes;
    if (wasFull && this.#pendingBytes < spoolPendingBytes) this.#tell();
  }

  #retry(): void {
    if (!this.#log) return void this.#open();
    this.#health.startTrial();
    // Nothing waits to be written, and perhaps nothing will for long: a record that nobody wants tells just as well.
    if (this.#health.trial && this.#options.needed()) void this.#probe(this.#log);
  }

  async #probe(log: SpoolLog): Promise<void> {
    this.#health.endTrial();
    this.#probing = true;
    const stalled = this.#watch();
    try {
      await log.append(nothing, []);
      this.#probing = false;
      this.#health.worked();
    } catch (error) {
      this.#probing = false;
      this.#health.fail(error);
    } finally {
      stalled.cancel();
    }
  }

  /** Looks every `writeLimits.spoolLookMs` whether the data directory has come, or gone: nobody tells, and perhaps nothing is written for long. */
  #look(log: SpoolLog): void {
    // A failure has its own tries.
    if (!this.failed) void log.open().catch((error: unknown) => this.#health.fail(error));
    this.#timers.after(writeLimits.spoolLookMs, () => this.#look(log));
  }

  #claimAll(log: SpoolLog): void {
    for (const owner of log.owners()) this.#claimsOf(owner, log).claimAll();
  }

  /** Until it is cancelled the disk has so long. */
  #watch(): Timer {
    return this.#timers.after(writeLimits.spoolStallMs, () => this.#health.stall());
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

function lossKey(number: number, owner: string): string {
  return `${number} ${owner}`;
}
