import { formatSpan, limits } from "../../base/index.ts";
import { labelValue } from "../../model/index.ts";
import type { Logger } from "../../observability/index.ts";
import type { Scrape } from "./plan.ts";

/** Half of what servers let a profile be ahead of their own clock. */
const warnedSkewMs = 300_000;

/** Tells people once of every instance whose clock differs from this box's, and anew once the two have agreed; the status and the metrics have the rest. */
export interface ClockLog {
  /** `skewMs`: the target's clock minus this box's. */
  noted(scrape: Scrape, skewMs: number): void;
  /** The loop has ended. */
  forget(scrape: Scrape): void;
}

export function createClockLog(log: Logger): ClockLog {
  const told = new Set<string>();
  return {
    noted(scrape, skewMs) {
      if (Math.abs(skewMs) <= limits.clockToleranceMs) told.delete(scrape.address);
      if (Math.abs(skewMs) < warnedSkewMs || told.has(scrape.address)) return;
      told.add(scrape.address);
      log.warn(
        "The clocks of a target and of this box differ: its profiles are sent with the target's time; set the clock that is wrong, for servers refuse what is older than 1h or more than 10m ahead of theirs",
        {
          instance: labelValue(scrape.labels, "instance"),
          url: scrape.url,
          target: `${formatSpan(Math.abs(skewMs))} ${skewMs > 0 ? "ahead" : "behind"}`,
        },
      );
    },
    forget: (scrape) => void told.delete(scrape.address),
  };
}

/**
 * The target's clock minus this box's, as far as the time of its profile tells: that is a moment of the scrape, its start or its end
 * depending on the type, so that only what is outside of the scrape counts.
 */
export function clockSkewMs(timeMs: number, scrape: { readonly startMs: number; readonly endMs: number }): number {
  // Rounding gives a negative zero, too.
  return Math.round(timeMs - Math.min(Math.max(timeMs, scrape.startMs), scrape.endMs)) || 0;
}
