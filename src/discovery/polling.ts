import { type Clock, type Duration, sleep } from "../base/index.ts";
import { type Finder, type Report, wholeLook } from "./finder.ts";

export interface PollingOptions {
  readonly interval: Duration;
  readonly clock: Clock;
  /** One look at everything; what it throws is reported as the failure of the whole look. */
  readonly look: (signal: AbortSignal, report: Report) => Promise<void>;
}

/** How far the wait between two looks may be off, so that many boxes do not ask one server at the same time. */
const jitter = 0.1;

/** A finder that looks at once and then at the interval, give or take a tenth, counted from the end of a look: it never overlaps itself. */
export function polling({ interval, clock, look }: PollingOptions): Finder {
  return {
    async run(signal, report) {
      while (!signal.aborted) {
        await lookOnce(look, { signal, report });
        await sleep(clock, jittered(interval.ms), signal).catch(() => undefined);
      }
    },
  };
}

interface LookOptions {
  readonly signal: AbortSignal;
  readonly report: Report;
}

/** One look, reported as a whole. Never rejects. */
export async function lookOnce(look: PollingOptions["look"], { signal, report }: LookOptions): Promise<void> {
  let answered = false;
  let failure: unknown;
  const noting: Report = {
    ...report,
    found(source, targets, remark) {
      const isTaken = report.found(source, targets, remark);
      answered ||= isTaken;
      return isTaken;
    },
    failed(source, error) {
      failure = error;
      report.failed(source, error);
    },
  };
  try {
    await look(signal, noting);
    report.complete(answered ? undefined : failure);
  } catch (thrown) {
    // Whoever stopped it knows.
    if (!signal.aborted) report.failed(wholeLook, thrown);
  }
}

/** The interval, give or take a tenth. */
export function jittered(intervalMs: number, random: () => number = Math.random): number {
  return intervalMs * (1 + jitter * (2 * random() - 1));
}
