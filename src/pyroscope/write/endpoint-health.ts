import { type BackoffOptions, backoffDelayMs, type Clock, formatDuration } from "../../base/index.ts";
import type { Logger } from "../../observability/index.ts";
import { writeLimits } from "./limits.ts";
import type { Retryable } from "./push-outcome.ts";
import { SendWindow } from "./send-window.ts";

export interface EndpointHealthOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly backoff: () => BackoffOptions;
  readonly maxInFlight: () => number;
  /** What else to tell people when the state changes: how much waits. */
  readonly logFields: () => Readonly<Record<string, unknown>>;
}

/** One attempt, as it stood when it began. */
export interface Attempt {
  readonly profileId: string;
  readonly round: number;
}

/**
 * Whether the endpoint as a whole is up, and how long it is to be left alone.
 *
 * It is down after a failure that can only be its own, or after several different profiles failed and none passed. It is paused
 * while it is down, while it limits the rate, and whenever it asks for it. After a pause one request goes out as a probe: answered,
 * it ends the trouble; failed, it doubles the pause. A server that limits the rate gets half as many requests at once from then on,
 * and slowly more again.
 */
export class EndpointHealth {
  readonly #options: EndpointHealthOptions;
  readonly #window = new SendWindow();
  #state: "unknown" | "up" | "down" = "unknown";
  /** Profiles that failed since one last passed; never more than `distinctFailures`. */
  readonly #failed = new Set<string>();
  /** Counts pauses: what an attempt from before the last pause tells is known already. */
  #round = 0;
  #pausesInARow = 0;
  #pausedUntilMs = 0;
  /** The end of the pause that the server asked for. */
  #askedUntilMs = 0;
  #downSinceMs = 0;
  #remindedMs = 0;
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(options: EndpointHealthOptions) {
    this.#options = options;
  }

  get state(): "unknown" | "up" | "down" {
    return this.#state;
  }

  /** Monotonic. */
  get pausedUntilMs(): number {
    return Math.max(this.#pausedUntilMs, this.#askedUntilMs);
  }

  /** Whether the next request is to find out how the endpoint is. */
  get probing(): boolean {
    return this.#pausesInARow > 0;
  }

  /** Whether nothing is known that would keep a push from succeeding at once. */
  get calm(): boolean {
    return this.#state !== "down" && !this.probing && this.pausedUntilMs <= this.#options.clock.monotonic();
  }

  /** Whether a push may well succeed: it is up, or nothing is known against it yet. */
  get promising(): boolean {
    return this.#state === "up" || (this.#state === "unknown" && this.#failed.size === 0);
  }

  /** How many requests may be in flight. */
  get window(): number {
    return this.probing ? 1 : this.#window.size(this.#options.maxInFlight());
  }

  attempt(profileId: string): Attempt {
    return { profileId, round: this.#round };
  }

  /** The endpoint did its work: it took the profile or judged it. Returns whether trouble ended with this. */
  answered({ round }: Attempt): boolean {
    this.#failed.clear();
    if (this.#state === "unknown") this.#goUp();
    // Began before the pause, so it says nothing about now.
    if (round !== this.#round) return false;
    const ended = this.probing;
    this.#resume();
    this.#window.answered(this.#options.maxInFlight());
    if (this.#state !== "up") this.#goUp();
    return ended;
  }

  /** Takes note of a failure; returns whether it counts against the endpoint and not against the profile. */
  failed({ profileId, round }: Attempt, failure: Retryable): boolean {
    if (this.#failed.size < writeLimits.distinctFailures) this.#failed.add(profileId);
    const several = this.#failed.size === writeLimits.distinctFailures;
    const down = this.#state === "down" || failure.fault === "endpoint" || several;
    if (failure.retryAfterMs !== undefined) this.#ask(failure.retryAfterMs);
    const limited = failure.reason === "rate_limited";
    const pauses = down || limited || failure.retryAfterMs !== undefined;
    if (pauses && round === this.#round) {
      if (limited) this.#window.halve(this.#options.maxInFlight());
      this.#pause();
    }
    if (down) this.#noteDown(failure);
    else this.#noteFailure(failure);
    return down;
  }

  /** Ends the pause, but not what the server asked for: there is no time left to wait. */
  hurry(): void {
    this.#pausedUntilMs = 0;
  }

  /** Ends every pause: the configuration changed, so the next failure may be another. */
  forget(): void {
    this.#pausedUntilMs = 0;
    this.#askedUntilMs = 0;
    this.#window.forget();
  }

  #pause(): void {
    this.#round += 1;
    this.#pausesInARow += 1;
    const { clock, backoff } = this.#options;
    this.#pausedUntilMs = clock.monotonic() + backoffDelayMs(this.#pausesInARow, backoff());
  }

  /** Up to a tenth longer than asked, so that thousands of boxes do not come back at once. */
  #ask(waitMs: number): void {
    const untilMs = this.#options.clock.monotonic() + waitMs * (1 + Math.random() / 10);
    this.#askedUntilMs = Math.max(this.#askedUntilMs, untilMs);
  }

  #resume(): void {
    this.#pausesInARow = 0;
    this.#pausedUntilMs = 0;
  }

  #noteDown({ reason, message }: Retryable): void {
    const { clock, log, logFields } = this.#options;
    const nowMs = clock.monotonic();
    const fields = { reason, err: message, ...logFields() };
    if (this.#state !== "down") {
      this.#state = "down";
      this.#downSinceMs = nowMs;
      this.#remindedMs = nowMs;
      log.warn("Endpoint is down", fields);
    } else if (nowMs - this.#remindedMs >= writeLimits.downReminderMs) {
      this.#remindedMs = nowMs;
      log.warn("Endpoint is still down", { ...fields, down_for: this.#downFor() });
    } else log.debug("Push failed", fields);
  }

  /** Of one profile: the first is worth a line, the others only when somebody looks closely. */
  #noteFailure({ reason, message }: Retryable): void {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonic();
    const fields = { reason, err: message };
    if (nowMs - this.#warnedMs < writeLimits.warningIntervalMs)
      log.debug("Push failed, the profile is retried", fields);
    else {
      this.#warnedMs = nowMs;
      log.warn("Push failed, the profile is retried", fields);
    }
  }

  #goUp(): void {
    const { log, logFields } = this.#options;
    if (this.#state === "down") log.info("Endpoint is up again", { ...logFields(), down_for: this.#downFor() });
    else log.info("Endpoint is up", logFields());
    this.#state = "up";
  }

  #downFor(): string {
    return formatDuration(Math.round((this.#options.clock.monotonic() - this.#downSinceMs) / 1000) * 1000);
  }
}
