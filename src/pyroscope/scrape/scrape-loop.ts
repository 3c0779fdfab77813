import { type Clock, limits, sleep } from "../../base/index.ts";
import type { HttpClient } from "../../http/index.ts";
import type { Appender, Ownership, Profile, TargetStatus } from "../../model/index.ts";
import type { Logger } from "../../observability/index.ts";
import type { BaselineSlot, BaselineTable } from "./baselines.ts";
import { type ClockLog, clockSkewMs } from "./clock-log.ts";
import type { CpuSlots } from "./cpu-slots.ts";
import type { FailureLog } from "./failure-log.ts";
import { fetchExclusively } from "./fetch-exclusively.ts";
import { type FetchedProfile, fetchProfile } from "./fetch-profile.ts";
import type { ScrapeMetrics } from "./metrics.ts";
import { baselineKey, type Scrape } from "./plan.ts";
import { createSchedule } from "./schedule.ts";
import { type ScrapeError, toScrapeError } from "./scrape-error.ts";
import { type ScrapeMoment, toOutgoing } from "./to-outgoing.ts";

/** What the loops of a component share. */
export interface LoopContext {
  readonly componentId: string;
  readonly baselines: BaselineTable;
  readonly clock: Clock;
  readonly log: Logger;
  readonly failures: FailureLog;
  readonly clocks: ClockLog;
  readonly metrics: ScrapeMetrics;
  readonly cpuSlots: CpuSlots;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * What the arguments say of a scrape beside the plan. A loop gets both together: what belongs to other targets, such as credentials and
 * receivers, is never used with its own. While a reload waits for a new source, loops that stay keep theirs, the receiver too.
 */
export interface Terms {
  readonly client: HttpClient;
  /** Where profiles go. */
  readonly receiver: Appender;
  /** Bound of an uncompressed profile. */
  readonly maxBytes: number;
  /** Whose a target is, where targets are shared. */
  readonly ownership?: Ownership | undefined;
}

export interface LoopOptions {
  readonly context: LoopContext;
  readonly terms: Terms;
  /** The target was another agent's: it begins with a new baseline. */
  readonly hasMoved?: boolean;
}

/**
 * How late a tick may be. After a stall of the agent those of all loops are due at once: what is later than a quarter of the interval waits for its
 * next tick. Two seconds are no stall, but a small machine at work, and over a shorter interval nothing is spread that would be worth a scrape.
 */
function mostLateMs(intervalMs: number): number {
  return intervalMs <= shortIntervalMs ? Number.POSITIVE_INFINITY : Math.max(shortIntervalMs, intervalMs / 4);
}

const shortIntervalMs = 2000;

/** Scrapes one (target, type) at its phase of every interval and never overlaps itself. */
export class ScrapeLoop {
  readonly #context: LoopContext;
  #scrape: Scrape;
  #terms: Terms;
  #slot: BaselineSlot | undefined;
  #health: TargetStatus["health"] = "unknown";
  #error: ScrapeError | undefined;
  #lastScrapeMs: number | undefined;
  #lastSuccessMs: number | undefined;
  #lastDurationMs: number | undefined;
  #clockSkewMs: number | undefined;
  #nextDueMs = 0;
  #isLeft = false;
  readonly #hasMoved: boolean;

  constructor(scrape: Scrape, { context, terms, hasMoved = false }: LoopOptions) {
    this.#context = context;
    this.#hasMoved = hasMoved;
    this.#scrape = scrape;
    this.#terms = terms;
  }

  get scrape(): Scrape {
    return this.#scrape;
  }

  get client(): HttpClient {
    return this.#terms.client;
  }

  get terms(): Terms {
    return this.#terms;
  }

  /** Goes on as another plan has it, for a scrape of the same type, URL and timing. A profile that is being taken keeps its labels. */
  goOnWith(scrape: Scrape, terms: Terms): void {
    if (scrape.identity !== this.#scrape.identity) this.#slot?.rename(scrape.identity);
    this.#scrape = scrape;
    this.#terms = terms;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, metrics, failures, clocks, componentId, baselines } = this.#context;
    const { identity, intervalMs } = this.#scrape;
    const name = `${componentId}\n${baselineKey(this.#scrape)}`;
    if (this.#hasMoved) baselines.forget(name);
    const slot = baselines.acquire(name, identity);
    this.#slot = slot;
    const schedule = createSchedule(identity, { intervalMs, clock });
    let tick = schedule.next();
    try {
      while (!signal.aborted) {
        this.#nextDueMs = tick.dueMs;
        await sleep(clock, tick.dueMs - clock.monotonic(), signal);
        this.#nextDueMs = tick.dueMs + intervalMs;
        const isLate = clock.monotonic() - tick.dueMs > mostLateMs(intervalMs);
        if (!isLate && this.#isOwn()) await this.#scrapeOnce(slot, signal);
        tick = schedule.next(tick.dueMs);
        const skipped = tick.skipped + Number(isLate);
        if (skipped > 0) metrics.skipped(isLate ? "late" : "slow_scrape", skipped);
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    } finally {
      failures.forget(this.#scrape);
      clocks.forget(this.#scrape);
      // Should a target of others come back, its growth meanwhile has been pushed by them.
      if (this.#isLeft || !this.#isOwn()) slot.forget();
      else slot.release();
    }
  }

  /** Other agents, or another loop, go on with this target: when the loop ends, nothing is remembered of it. */
  leaveToOthers(): void {
    this.#isLeft = true;
  }

  snapshot(): TargetStatus {
    const { job, type, url, intervalMs, timeoutMs, seconds, labels, delta } = this.#scrape;
    const { clock } = this.#context;
    return {
      job,
      type,
      url,
      intervalMs,
      timeoutMs,
      labels,
      delta,
      health: this.#health,
      nextScrapeMs: Math.round(clock.now() + this.#nextDueMs - clock.monotonic()),
      ...(seconds === undefined ? {} : { seconds }),
      ...(this.#error ? { lastError: this.#error.message, lastErrorReason: this.#error.reason } : {}),
      ...(this.#clockSkewMs === undefined ? {} : { clockSkewMs: this.#clockSkewMs }),
      ...(this.#slot?.withheld ? { deltaWithheld: this.#slot.withheld } : {}),
      ...(this.#lastScrapeMs === undefined ? {} : { lastScrapeMs: this.#lastScrapeMs }),
      ...(this.#lastSuccessMs === undefined ? {} : { lastSuccessMs: this.#lastSuccessMs }),
      ...(this.#lastDurationMs === undefined ? {} : { lastScrapeDurationMs: this.#lastDurationMs }),
    };
  }

  /** No longer where another agent has taken over, and this loop is about to be ended. */
  #isOwn(): boolean {
    return this.#terms.ownership?.owns(this.#scrape.owner) ?? true;
  }

  async #scrapeOnce(slot: BaselineSlot, signal: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    const scrape = this.#scrape;
    const startMs = clock.monotonic();
    const startUptimeMs = clock.uptime();
    const startedAtMs = clock.now();
    try {
      const fetched = await this.#fetch(scrape, signal);
      const setByMs = clock.now() - startedAtMs - (clock.uptime() - startUptimeMs);
      const clockSetByMs = Math.abs(setByMs) > limits.clockToleranceMs ? setByMs : 0;
      await this.#handOn(fetched, { scrape, slot, scrapedAtMs: startedAtMs + clockSetByMs, clockSetByMs });
      this.#succeed(fetched, startedAtMs);
    } catch (thrown) {
      if (signal.aborted) return;
      this.#fail(toScrapeError(thrown, undefined));
    }
    this.#lastScrapeMs = startedAtMs;
    this.#lastDurationMs = clock.monotonic() - startMs;
  }

  #fetch(scrape: Scrape, signal: AbortSignal): Promise<FetchedProfile> {
    const { clock, cpuSlots, headers } = this.#context;
    const { timeoutMs } = scrape;
    const fetch = (url: string, seconds: number | undefined): Promise<FetchedProfile> => {
      const { client, maxBytes } = this.#terms;
      return fetchProfile(url, { client, headers, maxBytes, timeoutMs, seconds, signal });
    };
    if (!scrape.exclusive) return fetch(scrape.url, scrape.seconds);
    return fetchExclusively(scrape, { clock, cpuSlots, nextDueMs: this.#nextDueMs, signal, fetch });
  }

  /** Gives the profile to the receivers; their refusal is theirs to tell and does not make the target a failing one. */
  async #handOn(fetched: FetchedProfile, { scrape, slot, ...at }: HandingOn): Promise<void> {
    const { metrics, log } = this.#context;
    const { url, type, labels } = scrape;
    const onWithhold = (why: string | undefined): void =>
      why === undefined ? log.info("Deltas are sent again", { url }) : log.warn(why, { url });
    const outgoing = toOutgoing(fetched, { scrape, slot, ...at, metrics, onWithhold });
    this.#noteClock(outgoing.ownTimeMs, at);
    if (!outgoing.profile) metrics.emptyProfiles.inc();
    else {
      const id = crypto.randomUUID();
      const { data, info } = outgoing.profile;
      if (!(await accepted(this.#terms.receiver, { id, labels, data, info, scrapedAtMs: at.scrapedAtMs }))) return;
      log.debug("Profile handed on", { id, url, type, time: new Date(info.timeMs), bytes: data.byteLength });
    }
    outgoing.commit();
  }

  #noteClock(timeMs: number, { scrapedAtMs, clockSetByMs }: ScrapeMoment): void {
    if (timeMs === 0 || clockSetByMs !== 0) return;
    const { clock, clocks } = this.#context;
    this.#clockSkewMs = clockSkewMs(timeMs, { startMs: scrapedAtMs, endMs: clock.now() });
    clocks.noted(this.#scrape, this.#clockSkewMs);
  }

  #succeed(fetched: FetchedProfile, startedAtMs: number): void {
    const { metrics, failures } = this.#context;
    this.#health = "up";
    this.#error = undefined;
    this.#lastSuccessMs = startedAtMs;
    metrics.scraped(this.#scrape.type);
    metrics.received(fetched.receivedBytes);
    failures.succeeded(this.#scrape);
  }

  #fail(error: ScrapeError): void {
    const { metrics, failures } = this.#context;
    this.#error = error;
    failures.failed(this.#scrape, error);
    // Somebody else's profile says nothing about the target.
    if (error.reason === "cpu_busy") return metrics.skipped("cpu_busy", 1);
    this.#health = "down";
    return metrics.failed(this.#scrape.type, error.reason);
  }
}

interface HandingOn extends ScrapeMoment {
  readonly scrape: Scrape;
  readonly slot: BaselineSlot;
}

/** Whether the receiver took the profile; it tells and counts itself why not. */
async function accepted(receiver: Appender, profile: Profile): Promise<boolean> {
  try {
    await receiver.append(profile);
    return true;
  } catch {
    return false;
  }
}
