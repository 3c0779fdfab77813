import { backoffDelayMs, type Clock, errorMessage, formatDuration, type Timer } from "../../base/index.ts";
import type { Profile } from "../../model/index.ts";
import type { Logger } from "../../observability/index.ts";
import { type SpoolLog, StorageError, type StorageReason } from "../../storage/index.ts";
import { writeLimits } from "./limits.ts";
import { Claims } from "./claims.ts";
import type { SpoolMetrics } from "./metrics.ts";
import { fromRecord, toRecord } from "./profile-record.ts";
import type { QueueEntry } from "./queue-entry.ts";

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
  readonly #writing = new Map<Profile, Writing>();
  /** What was written for whom, as long as the profile is in memory for somebody else. */
  #written = new WeakMap<Profile, { readonly number: number; readonly owners: Set<string> }>();
  readonly #claims = new Map<string, Claims>();
  readonly #timers = new Set<Timer>();
  #log: SpoolLog | undefined;
  /** The same from the moment it was asked for, so that it is let go although it never opened. */
  #asked: SpoolLog | undefined;
  #state: "closed" | "opening" | "working" | "failed" = "closed";
  #problem: string | undefined;
  /** Handed to the log and not safe yet. */
  #pendingBytes = 0;
  #failures = 0;
  /** Set while a failure's pause lasts. */
  #pause: Timer | undefined;
  #opening = false;
  #ended = false;
  /** In a failure: one profile may be written to see whether it has ended. */
  #trial = false;
  /** The same without a profile. */
  #probing = false;

  constructor(options: SpoolerOptions) {
    this.#options = options;
  }

  /** The log; `undefined` until it has been opened. */
  get log(): SpoolLog | undefined {
    return this.#log;
  }

  /** Whether the disk takes nothing now, so that memory is all there is. */
  get failed(): boolean {
    return this.#state === "failed";
  }

  /** Whether, in a failure, it may turn out any moment that the disk works again. */
  get trying(): boolean {
    return this.failed && (this.#opening || this.#trial || this.#probing || this.#writing.size > 0);
  }

  get canWrite(): boolean {
    if (this.#pendingBytes >= writeLimits.spoolPendingBytes) return false;
    return this.#state === "working" || (this.#state === "failed" && this.#trial);
  }

  /** Why nothing can be kept on disk, in words. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Calls `listener` whenever the log was opened, failed, or works again; until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Opens the log, again and again where that fails; resolves once it is open. */
  open(): Promise<void> {
    this.#state = "opening";
    void this.#open();
    return this.#opened.promise;
  }

  /** Ends the pause after a failure: there is no time left to wait. */
  hurry(): void {
    if (!this.#pause) return;
    this.#cancel(this.#pause);
    this.#retry();
  }

  async #open(): Promise<void> {
    this.#opening = true;
    const stalled = this.#after(writeLimits.spoolStallMs, () => this.#stall());
    try {
      const log = this.#options.spoolLog();
      this.#asked = log;
      await log.open();
      if (this.#ended) return;
      this.#log = log;
      this.#opening = false;
      this.#claimAll(log);
      this.#worked();
      this.#opened.resolve();
      this.#after(writeLimits.spoolLookMs, () => this.#look(log));
    } catch (error) {
      this.#opening = false;
      this.#fail(error);
    } finally {
      this.#cancel(stalled);
    }
  }

  /**
   * Resolves with the record's number once the profile is safe on disk; the record is not the owner's to send before it is claimed.
   * Rejects with a StorageError. Only where `canWrite`.
   */
  write(profile: Profile, owner: string, queued?: QueueEntry["queued"]): Promise<number> {
    const writing = this.#writing.get(profile);
    if (writing?.issued) return writing.number.then(() => this.write(profile, owner, queued));
    if (!writing) return this.#shared(profile, owner) ?? this.#begin(profile, { owner, queued });
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

  /** The profile of a record. Rejects with a StorageError. */
  async read(number: number): Promise<Profile> {
    try {
      if (!this.#log) throw new StorageError("closed", `Cannot read record ${number} of the spool: it is not open`);
      return fromRecord(await this.#log.read(number));
    } catch (error) {
      if (error instanceof StorageError) this.#options.metrics.failed(error.reason);
      throw error;
    }
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
    this.#state = "closed";
    for (const timer of this.#timers) timer.cancel();
    this.#listeners.clear();
    if (!log) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const deadline = this.#options.clock.after(writeLimits.closeMs, resolve);
    const closed = log.close().catch((err: unknown) => this.#options.log.warn("Cannot close the spool", { err }));
    await Promise.race([closed, late]);
    deadline.cancel();
  }

  /** Lets the owner have the record that another still has; `undefined` where there is none. */
  #shared(profile: Profile, owner: string): Promise<number> | undefined {
    const log = this.#log;
    const written = this.#written.get(profile);
    if (!log || !written) return undefined;
    const { number, owners } = written;
    if (![...owners].some((other) => log.next(other, number - 1) === number)) return undefined;
    this.#claimsOf(owner, log).hold(number);
    log.adopt(number, owner);
    owners.add(owner);
    return log.flush().then(
      () => number,
      (error: unknown) => {
        // Like a profile that could not be written: nothing is kept.
        owners.delete(owner);
        this.settle(number, owner);
        throw error;
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
  #begin(profile: Profile, { owner, queued }: { owner: string; queued: QueueEntry["queued"] }): Promise<number> {
    this.#trial = false;
    const { promise: number, resolve, reject } = Promise.withResolvers<number>();
    const writing: Writing = { owners: new Set([owner]), queued, issued: false, number };
    this.#writing.set(profile, writing);
    this.#pendingBytes += profile.data.byteLength;
    this.#after(writeLimits.gatherMs, () => {
      writing.issued = true;
      this.#append(profile, writing).then(resolve, reject);
    });
    return number;
  }

  async #append(profile: Profile, { owners, queued }: Writing): Promise<number> {
    const stalled = this.#after(writeLimits.spoolStallMs, () => this.#stall());
    try {
      if (!this.#log) throw new StorageError("closed", "Cannot keep a profile on disk: the spool is not open");
      const ageMs = queued && this.#options.clock.uptime() - queued.uptimeMs;
      const waiting = queued && ageMs !== undefined ? { ageMs, sinceWallMs: queued.wallMs } : undefined;
      const number = await this.#log.append(toRecord(profile), [...owners], { waiting });
      this.#written.set(profile, { number, owners });
      this.#options.metrics.written(profile.data.byteLength);
      this.#worked();
      return number;
    } catch (error) {
      this.#writing.delete(profile);
      this.#fail(error);
      throw error;
    } finally {
      this.#cancel(stalled);
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

  /** A disk that hangs is as good as none, until what it was given is written after all. */
  #stall(): void {
    if (this.#state !== "working" && this.#state !== "opening") return;
    this.#noteFailure("io", `The disk has not answered within ${formatDuration(writeLimits.spoolStallMs)}`);
    this.#tell();
  }

  #worked(): void {
    const { log } = this.#options;
    if (this.#ended || this.#state === "working") return;
    if (this.#state === "failed") log.info("Queued profiles are kept on disk again");
    if (this.#pause) this.#cancel(this.#pause);
    this.#pause = undefined;
    this.#trial = false;
    this.#state = "working";
    this.#problem = undefined;
    this.#failures = 0;
    this.#tell();
  }

  #fail(error: unknown): void {
    const reason = error instanceof StorageError ? error.reason : "io";
    if (this.#ended) return;
    // About this one profile, not about the disk: another may find out how that is.
    if (reason === "too_large") {
      this.#trial = this.failed && !this.#pause;
      return;
    }
    this.#noteFailure(reason, errorMessage(error));
    // What failed together is one failure.
    if (!this.#pause) {
      this.#failures += 1;
      this.#pause = this.#after(backoffDelayMs(this.#failures, writeLimits.spoolBackoff), () => this.#retry());
    }
    this.#tell();
  }

  #noteFailure(reason: StorageReason, err: string): void {
    const { log, metrics, needed } = this.#options;
    metrics.failed(reason);
    if (this.#state !== "failed" && needed())
      log.warn("Cannot keep queued profiles on disk, they wait in memory", { reason, err });
    this.#state = "failed";
    this.#problem = err;
  }

  #retry(): void {
    this.#pause = undefined;
    if (!this.#log) return void this.#open();
    this.#trial = true;
    this.#tell();
    // Nothing waits to be written, and perhaps nothing will for long: a record that nobody wants tells just as well.
    if (this.#trial && this.#options.needed()) void this.#probe(this.#log);
  }

  async #probe(log: SpoolLog): Promise<void> {
    this.#trial = false;
    this.#probing = true;
    const stalled = this.#after(writeLimits.spoolStallMs, () => this.#stall());
    try {
      await log.append(nothing, []);
      this.#probing = false;
      this.#worked();
    } catch (error) {
      this.#probing = false;
      this.#fail(error);
    } finally {
      this.#cancel(stalled);
    }
  }

  /** Looks every `writeLimits.spoolLookMs` whether the data directory has come, or gone: nobody tells, and perhaps nothing is written for long. */
  #look(log: SpoolLog): void {
    // A failure has its own tries.
    if (!this.failed) void log.open().catch((error: unknown) => this.#fail(error));
    this.#after(writeLimits.spoolLookMs, () => this.#look(log));
  }

  #claimAll(log: SpoolLog): void {
    for (const owner of log.owners()) this.#claimsOf(owner, log).claimAll();
  }

  #after(delayMs: number, callback: () => void): Timer {
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
    return timer;
  }

  #cancel(timer: Timer): void {
    timer.cancel();
    this.#timers.delete(timer);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
