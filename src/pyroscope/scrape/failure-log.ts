import type { Clock } from "../../base/index.ts";
import type { Logger } from "../../observability/index.ts";
import { labelValue } from "../../model/index.ts";
import { baselineKey, type Scrape } from "./plan.ts";
import type { ScrapeError } from "./scrape-error.ts";

/**
 * Tells people about failing targets without a line per scrape: one line when an instance first fails for a reason, or fails for it again after a
 * while, one when all its types give profiles again. The rest is at level debug, in the status and in the metrics.
 */
export interface FailureLog {
  failed(scrape: Scrape, error: ScrapeError): void;
  succeeded(scrape: Scrape): void;
  /** The loop has ended: what it reported no longer counts. */
  forget(scrape: Scrape): void;
}

/** An instance of which a scrape failed, and not all have given profiles since. */
interface FailingInstance {
  /** Those that failed and gave no profile since, whatever labels they carry. */
  readonly scrapes: Set<string>;
  /** When it last failed for a reason that was told. */
  readonly lastMs: Map<string, number>;
}

/** A failure for a reason that was not there for so long is another one. */
const otherAfterMs = 600_000;

// Whoever else profiles the process may do so for days, now and then.
const busyReminderMs = 3_600_000;

export function createFailureLog(log: Logger, clock: Clock): FailureLog {
  /** By instance: when it was last said that somebody else profiles it. */
  const busySaidMs = new Map<string, number>();
  const failing = new Map<string, FailingInstance>();

  const clear = (scrape: Scrape): boolean => {
    const scrapes = failing.get(scrape.address)?.scrapes;
    if (!scrapes?.delete(baselineKey(scrape)) || scrapes.size > 0) return false;
    return failing.delete(scrape.address);
  };

  return {
    failed(scrape, error) {
      const isBusy = error.reason === "cpu_busy";
      if (isBusy && clock.monotonic() - (busySaidMs.get(scrape.address) ?? -Infinity) < busyReminderMs)
        return log.debug("CPU profile skipped", { instance: labelValue(scrape.labels, "instance"), err: error });
      if (isBusy) busySaidMs.set(scrape.address, clock.monotonic());
      const instance = failing.get(scrape.address) ?? { scrapes: new Set(), lastMs: new Map() };
      failing.set(scrape.address, instance);
      const nowMs = clock.monotonic();
      // An interval may be longer than that.
      const isKnown = nowMs - (instance.lastMs.get(error.reason) ?? -Infinity) <= otherAfterMs + scrape.intervalMs;
      instance.scrapes.add(baselineKey(scrape));
      instance.lastMs.set(error.reason, nowMs);
      const fields = {
        instance: labelValue(scrape.labels, "instance"),
        type: scrape.type,
        url: scrape.url,
        reason: error.reason,
        err: error,
      };
      const message = isBusy ? "CPU profile skipped" : "Scrape failed";
      // How often it is said that the process is busy, is decided above.
      if (error.reason === "internal" || isBusy || !isKnown) log.warn(message, fields);
      else log.debug(message, fields);
    },
    succeeded(scrape) {
      if (clear(scrape)) log.info("Scrape works again", { instance: labelValue(scrape.labels, "instance") });
    },
    forget(scrape) {
      busySaidMs.delete(scrape.address);
      clear(scrape);
    },
  };
}
