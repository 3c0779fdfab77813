import {
  aborted,
  AgentError,
  type BackoffOptions,
  backoffDelayMs,
  type Clock,
  formatSize,
  type Timer,
  withoutUserinfo,
} from "../../base/index.ts";
import type { EndpointStatus, Profile } from "../../model/index.ts";
import type { Logger, Metrics } from "../../observability/index.ts";
import { type Attempt, EndpointHealth } from "./endpoint-health.ts";
import { EndpointRecord } from "./endpoint-record.ts";
import { writeLimits } from "./limits.ts";
import { createEndpointMetrics, type EndpointMetrics, type QueueGauges } from "./metrics.ts";
import { occupiedBytes, ProfileQueue, type QueueEntry, type QueueLimits } from "./profile-queue.ts";
import type { DropReason, PushOutcome, Retryable } from "./push-outcome.ts";
import type { EndpointArguments, Pusher } from "./pusher.ts";

export interface EndpointOptions {
  /** Of the component. */
  readonly id: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * One endpoint: its queue, its state, and the pushes in flight. Every event (a profile, an answer, a timer, new arguments) ends in
 * `#pump`, which starts what may be started; nothing loops or waits elsewhere.
 */
export class Endpoint {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: EndpointMetrics;
  readonly #record: EndpointRecord;
  readonly #queue: ProfileQueue;
  readonly #health: EndpointHealth;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #cancel = new AbortController();
  #pusher: Pusher;
  #phase: "created" | "running" | "draining" | "ended" = "created";
  #drain: { readonly untilMs: number; readonly done: () => void } | undefined;
  #wake: Timer | undefined;

  constructor(pusher: Pusher, { id, clock, log, metrics }: EndpointOptions) {
    this.#pusher = pusher;
    this.#clock = clock;
    this.#log = log.with({ endpoint: pusher.name });
    this.#metrics = createEndpointMetrics(metrics, { component_id: id, endpoint: pusher.name });
    this.#record = new EndpointRecord(this.#metrics, { log: this.#log, clock });
    this.#queue = new ProfileQueue(queueLimits(pusher.args), {
      clock,
      onDropped: ({ profile }, reason) => this.#record.dropped(profile, reason),
    });
    this.#health = new EndpointHealth({
      clock,
      log: this.#log,
      backoff: () => this.#backoff,
      logFields: () => ({ queued_profiles: this.#queue.size, queued_bytes: this.#queue.bytes }),
    });
  }

  /**
   * Queues a profile. Throws AgentError `larger_than_queue`, `queue_full` where the requests in flight leave no room for it, or
   * `shutdown` once the endpoint has ended.
   */
  append(profile: Profile): void {
    if (this.#phase === "ended") throw this.#refuse(profile, "shutdown", "the agent is ending");
    const added = this.#queue.add(profile);
    if (added !== "queued") throw this.#refuse(profile, added, this.#whyNoRoom(profile, added));
    this.#pump();
  }

  /** Counts a profile that cannot be queued because it could never be sent. */
  refuse(profile: Profile, reason: DropReason, message: string): void {
    this.#record.dropped(profile, reason, message);
  }

  /**
   * Pushes until `signal` aborts, then what is queued, for at most `writeLimits.drainMs`. What is left is counted as dropped, with
   * the reason that `lostAs` then gives.
   */
  async run(signal: AbortSignal, lostAs: () => DropReason): Promise<void> {
    this.#phase = "running";
    const hideQueue = this.#metrics.showQueue(() => this.#queueGauges());
    this.#pump();
    await aborted(signal);
    await this.#finish();
    const reason = lostAs();
    const lost = this.#queue.clear(reason);
    if (lost.profiles > 0) this.#log.warn("Profiles dropped: not delivered in time", { reason, ...lost });
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
    const { size, bytes, oldest } = this.#queue;
    return {
      name: this.#pusher.name,
      url: withoutUserinfo(this.#pusher.args.url),
      state: this.#health.state,
      queuedProfiles: size,
      queuedBytes: bytes,
      ...(oldest && { oldestQueuedMs: oldest.queuedAtMs }),
      inFlight: this.#inFlight.size,
      ...this.#record.snapshot(),
    };
  }

  /** Starts every push that may be started now, and sets the timer for the next one that may not. */
  #pump(): void {
    this.#wake?.cancel();
    this.#wake = undefined;
    if (this.#phase === "created" || this.#phase === "ended") return;
    this.#queue.expire();
    if (this.#health.pausedUntilMs <= this.#clock.monotonic()) this.#startPushes();
    const nextMs = this.#nextMs();
    if (this.#drain && this.#inFlight.size === 0 && (nextMs === undefined || nextMs > this.#drain.untilMs))
      this.#drain.done();
    else if (nextMs !== undefined) this.#wake = this.#clock.after(nextMs - this.#clock.monotonic(), () => this.#pump());
  }

  #startPushes(): void {
    while (this.#inFlight.size < this.#window) {
      const entry = this.#queue.take();
      if (!entry) return;
      const push = this.#push(entry).finally(() => {
        this.#inFlight.delete(push);
        this.#pump();
      });
      this.#inFlight.add(push);
    }
  }

  /** When there may be something to do that no push in flight will bring about. */
  #nextMs(): number | undefined {
    const { pausedUntilMs } = this.#health;
    if (this.#queue.size === this.#inFlight.size || this.#inFlight.size >= this.#window) return undefined;
    // Without a pause everything that is not in flight waits for its own time: few do, so that looking at all is cheap.
    return pausedUntilMs > this.#clock.monotonic() ? pausedUntilMs : this.#queue.nextMs();
  }

  async #push(entry: QueueEntry): Promise<void> {
    const attempt = this.#health.attempt(entry.profile.id);
    const startMs = this.#clock.monotonic();
    if (entry.attempts > 0) this.#metrics.retried();
    entry.attempts += 1;
    const outcome = await this.#pusher.push(entry.profile, this.#cancel.signal);
    const seconds = (this.#clock.monotonic() - startMs) / 1000;
    this.#metrics.attempted(outcome.outcome === "sent" ? "sent" : outcome.reason, seconds);
    if (outcome.outcome === "retryable") this.#retry(entry, attempt, outcome);
    else this.#settle(entry, attempt, outcome);
  }

  #settle(entry: QueueEntry, attempt: Attempt, outcome: Exclude<PushOutcome, Retryable>): void {
    this.#queue.remove(entry);
    if (outcome.outcome === "sent") this.#record.sent(entry.profile);
    else this.#record.dropped(entry.profile, outcome.reason, outcome.message);
    if (this.#health.answered(attempt)) this.#queue.hurry();
  }

  #retry(entry: QueueEntry, attempt: Attempt, failure: Retryable): void {
    // Cancelled at the end: nobody's fault.
    if (this.#cancel.signal.aborted) return this.#queue.putBack(entry, 0);
    this.#record.failed(failure);
    const endpointsFault = this.#health.failed(attempt, failure);
    if (!endpointsFault) entry.failures += 1;
    const { max_backoff_retries: maxRetries } = this.#pusher.args;
    if (maxRetries > 0 && entry.failures > maxRetries) {
      this.#queue.remove(entry);
      return this.#record.dropped(entry.profile, "retries_exhausted", failure.message);
    }
    // Where it may be this profile, the others go first next time.
    const waitMs = failure.fault === "unclear" ? backoffDelayMs(entry.attempts, this.#backoff) : 0;
    return this.#queue.putBack(entry, this.#clock.monotonic() + waitMs);
  }

  /** Resolves when everything is delivered, when time is up, or when nothing can be tried before it is. */
  async #finish(): Promise<void> {
    const { promise: finished, resolve: done } = Promise.withResolvers<void>();
    const deadline = this.#clock.after(writeLimits.drainMs, done);
    this.#phase = "draining";
    this.#drain = { untilMs: this.#clock.monotonic() + writeLimits.drainMs, done };
    this.#health.hurry();
    this.#pump();
    await finished;
    deadline.cancel();
    this.#phase = "ended";
    this.#wake?.cancel();
    this.#cancel.abort();
    await Promise.all(this.#inFlight);
  }

  #whyNoRoom(profile: Profile, reason: "larger_than_queue" | "queue_full"): string {
    const { maxBytes, inFlightBytes } = this.#queue;
    const what = `the ${formatSize(occupiedBytes(profile))} it occupies do not fit into ${formatSize(maxBytes)}`;
    return reason === "larger_than_queue"
      ? `${what}; raise queue.max_memory`
      : `${what} beside the ${formatSize(inFlightBytes)} in flight; raise queue.max_memory or lower queue.max_in_flight`;
  }

  #refuse(profile: Profile, reason: DropReason, why: string): AgentError {
    const message = `Cannot queue a profile for endpoint "${this.#pusher.name}": ${why}`;
    this.#record.dropped(profile, reason, message);
    return new AgentError(reason, message);
  }

  #queueGauges(): QueueGauges {
    this.#queue.expire();
    const { size, bytes, oldest } = this.#queue;
    const oldestAgeSeconds = oldest ? (this.#clock.monotonic() - oldest.queuedMs) / 1000 : 0;
    return { profiles: size, bytes, oldestAgeSeconds };
  }

  get #window(): number {
    return this.#health.window(this.#pusher.args.queue.max_in_flight);
  }

  get #backoff(): BackoffOptions {
    const { min_backoff_period, max_backoff_period } = this.#pusher.args;
    return { minMs: min_backoff_period.ms, maxMs: max_backoff_period.ms };
  }
}

function queueLimits({ queue }: EndpointArguments): QueueLimits {
  return { maxBytes: queue.max_memory.bytes, maxAgeMs: queue.max_age.ms };
}
