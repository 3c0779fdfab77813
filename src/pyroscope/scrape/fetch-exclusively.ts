import { type Clock, sleep } from "../../base/index.ts";
import type { CpuSlots } from "./cpu-slots.ts";
import type { FetchedProfile } from "./fetch-profile.ts";
import type { Scrape } from "./plan.ts";
import { ScrapeError } from "./scrape-error.ts";

export interface ExclusiveOptions {
  readonly clock: Clock;
  readonly cpuSlots: CpuSlots;
  /** Monotonic time of the loop's next tick: a profile that began late must end before it. */
  readonly nextDueMs: number;
  readonly signal: AbortSignal;
  /** The request itself. */
  readonly fetch: (url: string, seconds: number | undefined) => Promise<FetchedProfile>;
  readonly random?: () => number;
}

/** What a shortened profile leaves of the interval, so that the next one starts on time. */
const marginMs = 500;
const shortestWaitMs = 500;

/**
 * Takes a CPU profile, of which a process gives one at a time. Waits for the agent's other loops; where somebody else is profiling,
 * tries once more later in the interval. Either way `seconds` shrinks to what the interval leaves, if the agent chose it; else
 * the scrape fails as `cpu_busy`.
 */
export async function fetchExclusively(scrape: Scrape, options: ExclusiveOptions): Promise<FetchedProfile> {
  const { clock, cpuSlots, nextDueMs, signal, fetch, random = Math.random } = options;
  const leftMs = (): number => nextDueMs - clock.monotonic() - marginMs;
  const patienceMs = Math.max(0, leftMs() - 1000);
  const release = await cpuSlots.take(scrape.process, { patienceMs, signal });
  if (!release) throw busy(scrape, "another scrape of this agent kept its CPU profiler for the whole interval");
  try {
    // Inside, so that a slot that was handed over at the very end is given back.
    signal.throwIfAborted();
    // What the user asked for is asked for, and costs ticks where it is longer than the interval.
    const { url, seconds } = scrape.ownSeconds ? fitting(scrape, leftMs()) : scrape;
    return await fetch(url, seconds);
  } catch (thrown) {
    const waitMs = shortestWaitMs + random() * Math.max(0, leftMs() / 2 - shortestWaitMs);
    if (!isBusy(thrown) || leftMs() - waitMs < 1000) throw thrown;
    await sleep(clock, waitMs, signal);
    const { url, seconds } = fitting(scrape, leftMs());
    return await fetch(url, seconds);
  } finally {
    release();
  }
}

function isBusy(thrown: unknown): boolean {
  return thrown instanceof ScrapeError && thrown.reason === "cpu_busy";
}

/** The request with the `seconds` that fit into `leftMs`: the planned one where it does. */
function fitting(scrape: Scrape, leftMs: number): { url: string; seconds: number | undefined } {
  const { seconds } = scrape;
  // A full profile may end within the margin: that is how 14 s in an interval of 15 s, or 1 s in one of 2 s, is meant.
  if (seconds === undefined || seconds * 1000 <= leftMs + marginMs) return { url: scrape.url, seconds };
  const fit = Math.floor(leftMs / 1000);
  if (scrape.ownSeconds && fit >= 1) return { url: scrape.urlWithSeconds(fit), seconds: fit };
  throw busy(scrape, `${seconds} s of profiling no longer fit into the interval`);
}

function busy(scrape: Scrape, why: string): ScrapeError {
  return new ScrapeError("cpu_busy", `Cannot profile "${scrape.url}": ${why}`);
}
