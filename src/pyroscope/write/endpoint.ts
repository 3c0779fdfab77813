import {
  aborted,
  AgentError,
  type BackoffOptions,
  backoffDelayMs,
  type Clock,
  type Timer,
  withoutUserinfo,
} from "../../base/index.ts";
import type { EndpointStatus, Profile } from "../../model/index.ts";
import type { Logger, Metrics } from "../../observability/index.ts";
import { type LostRecord, StorageError } from "../../storage/index.ts";
import type { Dropped } from "./drop-log.ts";
import { type Attempt, EndpointHealth } from "./endpoint-health.ts";
import { EndpointRecord } from "./endpoint-record.ts";
import { writeLimits } from "./limits.ts";
import { whyNoRoom } from "./memory-queue.ts";
import { createEndpointMetrics, type EndpointMetrics, type QueueGauges } from "./metrics.ts";
import { ProfileQueue, type QueueLimits } from "./profile-queue.ts";
import type { DropReason, PushOutcome, Rejected, Retryable } from "./push-outcome.ts";
import type { EndpointArguments, Pusher } from "./pusher.ts";
import { blame, type QueueEntry } from "./queue-entry.ts";
import { clockTrust, timeOf } from "./queued-time.ts";
import { Spill } from "./spill.ts";
import type { Spooler } from "./spooler.ts";

export interface EndpointOptions {
  /** Of the component. */
  readonly id: string;
  /** Whose records on disk are its own. */
  readonly key: string;
  readonly spooler: Spooler;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * One endpoint: its queue, its state, and the pushes in flight. Every event (a profile, an answer, a write, a timer, new arguments)
 * ends in `#pump`, which starts what may be started; nothing loops or waits elsewhere.
 */
export class Endpoint {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: EndpointMetrics;
  readonly #record: EndpointRecord;
  readonly #spooler: Spooler;
  readonly #queue: ProfileQueue;
  readonly #spill: Spill;
  readonly #health: EndpointHealth;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #cancel = new AbortController();
  #pusher: Pusher;
  #phase: "created" | "running" | "draining" | "ended" = "created";
  #drain: { readonly untilMs: number; readonly done: () => void } | undefined;
  #wake: Timer | undefined;

  constructor(pusher: Pusher, { id, key, spooler, clock, log, metrics }: EndpointOptions) {
    this.#pusher = pusher;
    this.#clock = clock;
    this.#spooler = spooler;
    this.#log = log.with({ endpoint: pusher.name });
    this.#metrics = createEndpointMetrics(metrics, { component_id: id, endpoint: pusher.name });
    this.#record = new EndpointRecord(this.#metrics, {
      log: this.#log,
      clock,
      queue: () => this.#pusher.args.queue,
    });
    this.#queue = new ProfileQueue(queueLimits(pusher.args), {
      clock,
      log: () => spooler.log,
      owner: key,
      claimed: (number) => spooler.claimed(number, key),
      settle: (number) => spooler.settle(number, key),
      clockTrust: () => clockTrust(this.#pusher.clockSkewMs(), clock.uptime()),
      onDropped: (entry, reason) => this.#record.dropped(droppedOf(entry), reason),
    });
    this.#health = new EndpointHealth({
      clock,
      log: this.#log,
      backoff: () => this.#backoff,
      maxInFlight: () => this.#pusher.args.queue.max_in_flight,
      logFields: () => this.#queueFields(),
    });
    this.#spill = new Spill({
      queue: this.#queue,
      spooler,
      owner: key,
      clock,
      durability: () => this.#pusher.args.queue.durability,
      calm: () => this.#health.calm,
      onWritten: () => this.#pump(),
    });
  }

  /**
   * Queues a profile; resolves at once, or with `durability = "always"` when it is on disk or delivered. Rejects with AgentError
   * `larger_than_queue`, `queue_full` where the requests in flight leave no room for it, or `shutdown` once the endpoint has ended.
   */
  async append(profile: Profile): Promise<void> {
    if (this.#phase === "ended") throw this.#refuse(profile, "shutdown", "the agent is ending");
    const added = this.#queue.add(profile);
    if (typeof added === "string") throw this.#refuse(profile, added, whyNoRoom(added, profile, this.#queue.memory));
    const safe = this.#spill.promise(added);
    this.#pump();
    await safe;
  }

  /** Counts a profile that cannot be queued because it could never be sent. */
  refuse(profile: Profile, reason: DropReason, message: string): void {
    this.#record.dropped({ profile, bytes: profile.data.byteLength }, reason, { message });
  }

  /** Counts a record that the log lost, unless it may be delivered yet. */
  lost({ number, reason, bytes }: LostRecord): void {
    if (number === undefined || !this.#queue.lose(number, reason))
      this.#record.dropped({ profile: undefined, bytes }, reason);
  }

  /**
   * Pushes until `signal` aborts. Then everything goes to disk where it may, and is pushed for at most `writeLimits.drainMs` as long
   * as pushes succeed. What is left in memory is counted as dropped, with the reason that `lostAs` then gives.
   */
  async run(signal: AbortSignal, lostAs: () => DropReason): Promise<void> {
    this.#phase = "running";
    const hideQueue = this.#metrics.showQueue(() => this.#queueGauges());
    const unsubscribe = this.#spooler.subscribe(() => this.#pump());
    this.#pump();
    await aborted(signal);
    await this.#finish();
    unsubscribe();
    this.#sayWhatIsLeft(lostAs());
    this.#record.close();
    hideQueue();
    this.#pusher.close();
  }

  /** Goes on with the same queue over another pusher; what is in flight ends over the old one. */
  applyPusher(pusher: Pusher): void {
    this.#pusher.close();
    this.#pusher = pusher;
    this.#queue.applyLimits(queueLimits(pusher.args));
    this.#queue.hurry();
    this.#health.forget();
    this.#pump();
  }

  snapshot(): EndpointStatus {
    this.#queue.expire();
    const { memory, disk, oldestAgeMs } = this.#queue;
    const spoolProblem = this.#diskProblem;
    const clockSkewMs = this.#pusher.clockSkewMs();
    return {
      name: this.#pusher.name,
      url: withoutUserinfo(this.#pusher.args.url),
      state: this.#health.state,
      queuedProfiles: memory.size,
      queuedBytes: memory.bytes,
      spooledProfiles: disk.records,
      spooledBytes: disk.bytes,
      ...(spoolProblem !== undefined && { spoolProblem }),
      ...(oldestAgeMs !== undefined && { oldestQueuedMs: this.#clock.now() - oldestAgeMs }),
      inFlight: this.#inFlight.size,
      ...this.#pauseStatus(),
      ...(clockSkewMs !== undefined && { clockSkewMs }),
      ...this.#record.snapshot(),
    };
  }

  /** Ends every pause, as one who asks for a reload wants to see what happens. */
  tryNow(): void {
    this.#health.endPause();
    this.#queue.hurry();
    this.#pump();
  }

  #pauseStatus(): Pick<EndpointStatus, "pausedSinceMs" | "pausedUntilMs"> {
    const { pausedSinceMs, pausedUntilMs } = this.#health;
    const wallMs = (atMs: number): number => this.#clock.now() + atMs - this.#clock.monotonic();
    return {
      ...(pausedSinceMs !== undefined && { pausedSinceMs: wallMs(pausedSinceMs) }),
      ...(pausedUntilMs > this.#clock.monotonic() && { pausedUntilMs: wallMs(pausedUntilMs) }),
    };
  }

  /** What is wrong with the disk, where it should keep something. */
  get #diskProblem(): string | undefined {
    return this.#pusher.args.queue.durability === "memory" ? undefined : this.#spooler.problem;
  }

  /** Starts every push and every write that may be started now, and sets the timer for the next one that may not. */
  #pump(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
    if (this.#phase === "ended") return;
    const spillMs = this.#spill.run();
    // Not running yet: an endpoint of the same name may still be at its end, and push the same records.
    const pushMs = this.#phase === "created" ? undefined : this.#startPushes();
    if (this.#isDrained(pushMs)) return this.#drain?.done();
    const nextMs = Math.min(spillMs ?? Infinity, pushMs ?? Infinity);
    if (nextMs < Infinity) this.#wake = this.#clock.after(nextMs - this.#clock.monotonic(), () => this.#pump());
  }

  /** Returns when (monotonic) there may be something to push that no push in flight will bring about. */
  #startPushes(): number | undefined {
    this.#queue.expire();
    const { pausedUntilMs } = this.#health;
    // Before the window is filled: what is not ready then has its time after this, however long filling takes.
    const nowMs = this.#clock.monotonic();
    const paused = pausedUntilMs > nowMs;
    if (!paused) this.#fillWindow();
    else this.#askEarly();
    if (!this.#queue.waits(this.#inFlight.size) || this.#inFlight.size >= this.#health.window) return undefined;
    // Without a pause everything that is not in flight waits for its own time: few do, so that looking at all is cheap.
    return paused ? pausedUntilMs : this.#queue.nextMs(nowMs);
  }

  #fillWindow(): void {
    while (this.#inFlight.size < this.#health.window) {
      const entry = this.#health.probing ? this.#queue.takeProbe(this.#health) : this.#queue.take(this.#health);
      if (!entry) return;
      this.#startPush(entry);
    }
  }

  /** In a pause that the backlog brought about: whether young ones pass shows whose fault it is. */
  #askEarly(): void {
    if (!this.#health.mayAskEarly || this.#inFlight.size >= this.#health.window) return;
    const entry = this.#queue.takeFresh();
    if (!entry) return;
    this.#health.askEarly();
    this.#startPush(entry);
  }

  #startPush(entry: QueueEntry): void {
    const push = this.#push(entry).finally(() => {
      this.#inFlight.delete(push);
      this.#pump();
    });
    this.#inFlight.add(push);
  }

  async #push(entry: QueueEntry): Promise<void> {
    const profile = entry.profile ?? (await this.#read(entry));
    if (!profile) return;
    const attempt = this.#health.attempt(profile.id, entry);
    const startMs = this.#clock.monotonic();
    if (entry.attempts > 0) this.#metrics.retried();
    entry.attempts += 1;
    const signal = this.#cancel.signal;
    const outcome = await this.#pusher.push(profile, { signal, ...timeOf(entry, this.#clock, this.#spooler.log) });
    const seconds = (this.#clock.monotonic() - startMs) / 1000;
    this.#metrics.attempted(outcome.outcome === "sent" ? "sent" : outcome.reason, seconds);
    if (outcome.outcome === "retryable") this.#retry(entry, attempt, outcome);
    else this.#settle(entry, attempt, outcome);
  }

  /** The profile of a record; `undefined` where it cannot be read, and what follows from that has been done. */
  async #read(entry: QueueEntry): Promise<Profile | undefined> {
    try {
      entry.profile = await this.#spooler.read(entry.record ?? -1, this.#cancel.signal);
      return entry.profile;
    } catch (error) {
      const reason = error instanceof StorageError ? error.reason : undefined;
      if (entry.lost || !reason) this.#giveUp(entry, entry.lost ?? "spool_damaged");
      else if (reason === "damaged") this.#queue.forget(entry);
      else this.#queue.putBackUnread(entry, this.#clock.monotonic() + writeLimits.readRetryMs);
      this.#log.debug("Cannot read a profile back from disk", { err: error });
      return undefined;
    }
  }

  #settle(entry: QueueEntry, attempt: Attempt, outcome: Exclude<PushOutcome, Retryable>): void {
    if (outcome.outcome === "sent") {
      this.#record.sent(droppedOf(entry).bytes);
      this.#queue.remove(entry);
    } else this.#giveUp(entry, outcome.reason, outcome);
    if (this.#health.answered(attempt)) this.#queue.hurry();
    this.#spill.passed();
  }

  #retry(entry: QueueEntry, attempt: Attempt, failure: Retryable): void {
    // Cancelled at the end: nobody's fault.
    if (this.#cancel.signal.aborted) return this.#putBack(entry, 0);
    this.#record.failed(failure);
    this.#spill.start();
    if (failure.fault === "unclear")
      blame(entry, { reason: failure.reason, passes: this.#health.passes, nowMs: this.#clock.monotonic() });
    this.#health.failed(attempt, failure, { suspect: entry.failures > 0 });
    const { max_backoff_retries: maxRetries } = this.#pusher.args;
    if (maxRetries > 0 && entry.failures >= maxRetries) return this.#giveUp(entry, "retries_exhausted", failure);
    // Where it may be this profile, the others go first next time.
    const waitMs = failure.fault === "unclear" ? backoffDelayMs(entry.attempts, this.#backoffAfter(failure)) : 0;
    return this.#putBack(entry, this.#clock.monotonic() + waitMs);
  }

  /** To be tried again not before that time, unless the log has let it go meanwhile. */
  #putBack(entry: QueueEntry, notBeforeMs: number): void {
    if (entry.lost) this.#giveUp(entry, entry.lost);
    else this.#queue.putBack(entry, notBeforeMs);
  }

  #giveUp(entry: QueueEntry, reason: DropReason, why?: Rejected | Retryable): void {
    const dropped = droppedOf(entry);
    this.#queue.remove(entry);
    this.#record.dropped(dropped, reason, why);
  }

  /** Resolves when everything is delivered, when time is up, or when nothing can be tried before it is. */
  async #finish(): Promise<void> {
    const { promise: finished, resolve: done } = Promise.withResolvers<void>();
    const deadline = this.#clock.after(writeLimits.drainMs, done);
    this.#phase = "draining";
    this.#drain = { untilMs: this.#clock.monotonic() + writeLimits.drainMs, done };
    this.#spill.end();
    // One more chance, where it is the last one.
    if (!this.#spill.on || this.#health.promising) this.#health.hurry();
    this.#pump();
    await finished;
    deadline.cancel();
    this.#phase = "ended";
    this.#wake?.cancel();
    this.#cancel.abort();
    await Promise.all(this.#inFlight);
  }

  /** Whether there is nothing more to do at the end, given when the next push may start. */
  #isDrained(pushMs: number | undefined): boolean {
    if (!this.#drain || !this.#spill.done) return false;
    if (this.#queue.memory.size === 0 && !this.#health.promising) return true;
    return this.#inFlight.size === 0 && (pushMs === undefined || pushMs > this.#drain.untilMs);
  }

  #sayWhatIsLeft(reason: DropReason): void {
    const { records, bytes } = this.#queue.disk;
    const lost = this.#queue.clearMemory(reason);
    const err = this.#spooler.failed ? this.#diskProblem : undefined;
    const why = err === undefined ? "not delivered in time" : "not delivered in time, and the disk takes nothing";
    if (lost.profiles > 0)
      this.#log.warn(`Profiles dropped: ${why}`, { reason, ...lost, ...(err !== undefined && { err }) });
    const until = reason === "endpoint_removed" ? "until they are too old" : "for when the component runs again";
    if (records > 0) this.#log.info(`Profiles are kept on disk ${until}`, { profiles: records, bytes });
  }

  #refuse(profile: Profile, reason: DropReason, why: string): AgentError {
    const message = `Cannot queue a profile for endpoint "${this.#pusher.name}": ${why}`;
    this.refuse(profile, reason, message);
    return new AgentError(reason, message);
  }

  #queueFields(): Readonly<Record<string, number>> {
    const { memory, disk } = this.#queue;
    return {
      queued_profiles: memory.size,
      queued_bytes: memory.bytes,
      ...(disk.records > 0 && { spooled_profiles: disk.records, spooled_bytes: disk.bytes }),
    };
  }

  #queueGauges(): QueueGauges {
    this.#queue.expire();
    const { memory, disk, oldestAgeMs = 0 } = this.#queue;
    const skewMs = this.#pusher.clockSkewMs();
    return {
      profiles: memory.size,
      bytes: memory.bytes,
      records: disk.records,
      recordBytes: disk.bytes,
      oldestAgeSeconds: oldestAgeMs / 1000,
      window: this.#health.window,
      clockSkewSeconds: skewMs === undefined ? undefined : skewMs / 1000,
    };
  }

  /** Where the rate is limited the endpoint itself is paced, so that the profile need not wait for long. */
  #backoffAfter({ reason }: Retryable): BackoffOptions {
    const { minMs, maxMs } = this.#backoff;
    return { minMs, maxMs: reason === "rate_limited" ? Math.min(maxMs, writeLimits.limitedBlameMs) : maxMs };
  }

  get #backoff(): BackoffOptions {
    const { min_backoff_period, max_backoff_period } = this.#pusher.args;
    return { minMs: min_backoff_period.ms, maxMs: max_backoff_period.ms };
  }
}

function queueLimits({ queue }: EndpointArguments): QueueLimits {
  return { maxBytes: queue.max_memory.bytes, maxDiskBytes: queue.max_disk.bytes, maxAgeMs: queue.max_age.ms };
}

/** Counts a profile by its own bytes; of one on disk that nobody has read, those of its record. */
function droppedOf({ profile, bytes }: QueueEntry): Dropped {
  return { profile, bytes: profile ? profile.data.byteLength : bytes - writeLimits.entryBytes };
}
