import type { Clock } from "../../base/index.ts";
import type { Appender } from "../../model/index.ts";
import type { Logger } from "../../observability/index.ts";
import type { ScrapeMetrics } from "./metrics.ts";

/** One name of `forward_to`. */
export interface Receiver {
  readonly id: string;
  readonly appender: Appender;
}

export interface FanOutOptions {
  readonly clock: Clock;
  readonly metrics: ScrapeMetrics;
  readonly log: Logger;
}

/**
 * Several receivers as one, side by side: a slow or refusing one never delays another. The append succeeds when one of them has
 * accepted, because what was accepted must not be sent again with the next delta; with no receivers profiles go nowhere.
 * Refusals are counted here, and told once until the receiver accepts again.
 */
export function fanOut(receivers: readonly Receiver[], { clock, metrics, log }: FanOutOptions): Appender {
  const refusing = new Set<string>();
  const refused = (id: string, err: unknown): void => {
    metrics.forwardFailures.inc();
    if (!refusing.has(id)) log.warn("A receiver refuses profiles", { receiver: id, err });
    refusing.add(id);
  };
  return {
    async append(profile) {
      const startMs = clock.monotonic();
      const results = await Promise.allSettled(receivers.map(({ appender }) => appender.append(profile)));
      metrics.fanoutSeconds((clock.monotonic() - startMs) / 1000);
      for (const [index, { id }] of receivers.entries()) {
        const result = results[index];
        if (result?.status === "rejected") refused(id, result.reason);
        else if (refusing.delete(id)) log.info("A receiver accepts profiles again", { receiver: id });
      }
      const failed = results.filter((result) => result.status === "rejected");
      if (failed.length === 0 && receivers.length > 0) metrics.forwarded.inc();
      if (failed.length > 0 && failed.length === receivers.length) throw failed[0]?.reason;
    },
  };
}
