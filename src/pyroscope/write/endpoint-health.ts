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

/** Nobody has answered: the next attempt costs the other side nothing. */
const notReached: ReadonlySet<Retryable["reason"]> = new Set(["refused", "dns", "unreachable", "timeout"]);

/** One attempt, as it stood when it began. */
export interface Attempt {
  readonly profileId: string;
  /** Of an old profile. */
  readonly backlog: boolean;
  readonly round: number;
}

/**
 * Whether the endpoint as a whole is up, and how long it is to be left alone.
 *
 * It is down after a failure that can only be its own, or after several different profiles failed and none passed, or when it asks to be
 * left alone for another reason than its limit; never for a limit of the rate. It is paused while it is down, while it limits the rate, and whenever it asks for it.
 * After a pause one request goes out as a probe: answered, it ends the trouble; failed, it doubles the pause. A server that limits the
 * rate gets half as many requests at once from then on, and slowly more again.
 *
 * Old profiles are no witnesses against it where young ones pass: many of them may be at fault themselves. When several of them failed in
 * a row it is paused, but only down once the probe fails as well. A young one need not wait for the end of the pause; where it passes, twice
 * as many old ones may fail the next time.
 *
 * Whose fault a failure is does not follow from being down, since profiles at fault can take an endpoint down: it is the profile's where
 * others passed since it failed last, which `passes` tells.
 */
export class EndpointHealth {
  readonly #options: EndpointHealthOptions;
  readonly #window = new SendWindow();
  #state: "unknown" | "up" | "down" = "unknown";
  #passes = 0;
  #lastFault: Retryable["fault"] = "endpoint";
  /** Whether it has answered in this trouble. */
  #isReached = false;
  /** Whether the last failure was the server's limit. */
  #limited = false;
  /** Young profiles that failed since one last passed; never more than `distinctFailures`. */
  readonly #failed = new Set<string>();
  /** Old ones likewise; never more than `#patience`. */
  readonly #oldFailed = new Set<string>();
  #patience: number = writeLimits.distinctFailures;
  /** Counts pauses: what an attempt from before the last pause tells is known already. */
  #round = 0;
  /** The round in which a young profile was tried before the end of the pause. */
  #askedEarly = -1;
  #pausesInARow = 0;
  #pausedSinceMs = 0;
  #pauseIsSaid = false;
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

  /** How many profiles the endpoint has taken or judged so far. */
  get passes(): number {
    return this.#passes;
  }

  /** Whether the last failure may have been the profile's own, so that the next probe should be another one. */
  get unclear(): boolean {
    return this.#lastFault === "unclear";
  }

  /** Monotonic. */
  get pausedUntilMs(): number {
    return Math.max(this.#pausedUntilMs, this.#askedUntilMs);
  }

  /** Monotonic: the end of the last time that all was well; `undefined` while it is. */
  get pausedSinceMs(): number | undefined {
    return this.probing ? this.#pausedSinceMs : undefined;
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
    return this.#state === "up" || (this.#state === "unknown" && this.#failed.size + this.#oldFailed.size === 0);
  }

  /** How many requests may be in flight. */
  get window(): number {
    return this.probing ? 1 : this.#window.size(this.#options.maxInFlight());
  }

  attempt(profileId: string, { backlog }: { readonly backlog: boolean }): Attempt {
    return { profileId, backlog, round: this.#round };
  }

  /** Whether a young profile may be tried in the pause, once in each: where it passes, the pause was for nothing. */
  get mayAskEarly(): boolean {
    const isForOld = this.probing && this.unclear && !this.#limited && this.#oldFailed.size > 0;
    if (!isForOld || this.#failed.size >= writeLimits.distinctFailures || this.#askedEarly === this.#round)
      return false;
    return this.#askedUntilMs <= this.#options.clock.monotonic();
  }

  /** It is being tried. */
  askEarly(): void {
    this.#askedEarly = this.#round;
  }

  /** The endpoint did its work: it took the profile or judged it. Returns whether trouble ended with this. */
  answered({ backlog, round }: Attempt): boolean {
    const { backlogFailures } = writeLimits;
    this.#passes += 1;
    if (!backlog && this.#oldFailed.size >= this.#patience)
      this.#patience = Math.min(2 * this.#patience, backlogFailures);
    this.#failed.clear();
    this.#oldFailed.clear();
    if (this.#state === "unknown") this.#goUp();
    // Began before the pause, so it says nothing about now.
    if (round !== this.#round) return false;
    const ended = this.probing;
    this.#resume();
    this.#window.answered(this.#options.maxInFlight());
    if (this.#state !== "up") this.#goUp();
    return ended;
  }

  /** `suspect`: the profile has failed while others passed, so that this tells nothing of the endpoint. */
  failed(attempt: Attempt, failure: Retryable, { suspect }: { readonly suspect: boolean }): void {
    const { backlog, round } = attempt;
    this.#noteReached(failure);
    this.#lastFault = failure.fault;
    const isLimit = failure.reason === "rate_limited";
    // What may be too large for the limit by itself does not tell how fast the others may come.
    const limited = isLimit && !suspect;
    // Who limits the rate is there, and refuses whoever comes.
    const several = !isLimit && this.#countFailure(attempt, suspect);
    const isProbe = this.probing && round === this.#round;
    const down = this.#state === "down" || failure.fault === "endpoint" || (several && (!backlog || isProbe));
    if (failure.fault === "endpoint" || (several && !backlog)) this.#patience = writeLimits.distinctFailures;
    if (failure.retryAfterMs !== undefined) this.#ask(failure.retryAfterMs);
    if (limited || round === this.#round) this.#limited = limited;
    // Who asks to be left alone for another reason than a limit does not work.
    const unwell = failure.retryAfterMs !== undefined && !isLimit;
    if ((down || several || limited || unwell) && round === this.#round) {
      if (limited) this.#window.halve(this.#options.maxInFlight());
      this.#pause(failure);
    }
    if (down || unwell) this.#noteDown(failure);
    else this.#noteFailure(failure);
  }

  /** A server that can be reached again is another trouble than one that cannot: all begins anew, but once. */
  #noteReached({ fault, reason }: Retryable): void {
    const wasNot = this.probing && this.#lastFault === "endpoint";
    if (!wasNot || this.#isReached || fault === "endpoint" || notReached.has(reason)) return;
    this.#isReached = true;
    this.#pausesInARow = Math.min(this.#pausesInARow, 1);
    // They failed for another reason.
    this.#failed.clear();
    this.#oldFailed.clear();
  }

  /** Returns whether so many different ones of the same lane have failed by now, and none passed, that it does not look like their own fault. */
  #countFailure({ profileId, backlog }: Attempt, suspect: boolean): boolean {
    const failed = backlog ? this.#oldFailed : this.#failed;
    const enough = backlog ? this.#patience : writeLimits.distinctFailures;
    if (!suspect && failed.size < enough) failed.add(profileId);
    return failed.size >= enough;
  }

  /** Ends the pause, but not what the server asked for: there is no time left to wait. */
  hurry(): void {
    this.#pausedUntilMs = 0;
  }

  /** Ends every pause, that which the server asked for too. */
  endPause(): void {
    this.#pausedUntilMs = 0;
    this.#askedUntilMs = 0;
  }

  /** The configuration changed, so that the next failure may be another. */
  forget(): void {
    this.endPause();
    this.#window.forget();
  }

  #pause({ reason }: Retryable): void {
    const { clock, backoff } = this.#options;
    const nowMs = clock.monotonic();
    if (!this.probing) {
      this.#pausedSinceMs = nowMs;
      this.#pauseIsSaid = false;
    }
    this.#round += 1;
    this.#pausesInARow += 1;
    const { minMs, maxMs } = backoff();
    const longestMs = notReached.has(reason) ? Math.max(minMs, Math.min(maxMs, writeLimits.probeMs)) : maxMs;
    this.#pausedUntilMs = nowMs + backoffDelayMs(this.#pausesInARow, { minMs, maxMs: longestMs });
  }

  /** A little longer than asked. */
  #ask(waitMs: number): void {
    const { retryAfterMs, retryAfterJitter } = writeLimits;
    const askedMs = Math.min(waitMs, retryAfterMs / (1 + retryAfterJitter));
    const untilMs = this.#options.clock.monotonic() + askedMs * (1 + Math.random() * retryAfterJitter);
    this.#askedUntilMs = Math.max(this.#askedUntilMs, untilMs);
  }

  #resume(): void {
    this.#pausesInARow = 0;
    this.#pausedUntilMs = 0;
    this.#isReached = false;
  }

  #noteDown({ reason, message }: Retryable): void {
    const { clock, log, logFields } = this.#options;
    const nowMs = clock.monotonic();
    const fields = { reason, err: message, ...logFields(), ...this.#askedFields() };
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
    if (!this.#pauseIsSaid && this.pausedUntilMs - nowMs > writeLimits.notablePauseMs) {
      this.#pauseIsSaid = true;
      log.warn("Endpoint takes nothing for a while", { ...fields, ...this.#askedFields() });
    } else if (nowMs - this.#warnedMs < writeLimits.warningIntervalMs)
      log.debug("Push failed, the profile is retried", fields);
    else {
      this.#warnedMs = nowMs;
      log.warn("Push failed, the profile is retried", fields);
    }
  }

  /** Until when the server asked to be left alone. */
  #askedFields(): Readonly<Record<string, unknown>> {
    const { clock } = this.#options;
    const leftMs = this.#askedUntilMs - clock.monotonic();
    return leftMs > 0 ? { next_attempt: new Date(clock.now() + leftMs) } : {};
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
