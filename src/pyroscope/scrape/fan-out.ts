import type { Clock } from "../../base/index.ts";
import type { Appender } from "../../model/index.ts";
import type { ScrapeMetrics } from "./metrics.ts";

/**
 * One receiver of several, side by side: a slow or refusing one never delays another. The append succeeds when one of them has
 * accepted, because what was accepted must not be sent again with the next delta; with no receivers profiles go nowhere.
 */
export function fanOut(
  receivers: readonly Appender[],
  { clock, metrics }: { clock: Clock; metrics: ScrapeMetrics },
): Appender {
  return {
    async append(profile) {
      const startMs = clock.monotonic();
      const results = await Promise.allSettled(receivers.map((receiver) => receiver.append(profile)));
      metrics.fanoutSeconds((clock.monotonic() - startMs) / 1000);
      const refused = results.filter((result) => result.status === "rejected");
      if (refused.length === 0) metrics.forwarded.inc();
      else if (refused.length === receivers.length) throw refused[0]?.reason;
      else metrics.forwardFailures.inc(refused.length);
    },
  };
}
