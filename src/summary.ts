import { type Clock, sleep } from "./base/index.ts";
import type { ComponentSnapshot } from "./component/index.ts";
import type { Logger, Metrics } from "./observability/index.ts";

export interface SummaryOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly components: () => readonly ComponentSnapshot[];
}

const periodMs = 3_600_000;

/** Counters by the field under which the log shows how far they got in the last hour. */
const counters: Readonly<Record<string, readonly string[]>> = {
  scraped: ["pyroscope_scrape_scrapes_total", "phlare_scrape_scrapes_total"],
  scrape_failures: ["pyroscope_scrape_failures_total", "phlare_scrape_failures_total"],
  sent: ["pyroscope_write_sent_profiles_total"],
  dropped: ["pyroscope_write_dropped_profiles_total"],
};

/** Logs one line an hour until `signal` aborts: single scrapes and pushes are not logged. */
export async function summarizeHourly(options: SummaryOptions, signal: AbortSignal): Promise<void> {
  const { clock, log, metrics } = options;
  let before = await totals(metrics);
  while (!signal.aborted) {
    await sleep(clock, periodMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    const now = await totals(metrics);
    const since = Object.fromEntries(Object.entries(now).map(([name, total]) => [name, total - (before[name] ?? 0)]));
    log.info("The last hour", { ...targetsByHealth(options.components()), ...since });
    before = now;
  }
}

async function totals(metrics: Metrics): Promise<Readonly<Record<string, number>>> {
  const result: Record<string, number> = {};
  for (const [field, names] of Object.entries(counters)) {
    const parts = await Promise.all(names.map((name) => metrics.total(name)));
    result[field] = parts.reduce((sum, part) => sum + part, 0);
  }
  return result;
}

function targetsByHealth(components: readonly ComponentSnapshot[]): Record<string, number> {
  const targets = components.flatMap(({ debugInfo }) => debugInfo.targets ?? []);
  const count = (health: string): number => targets.filter((target) => target.health === health).length;
  return { targets_up: count("up"), targets_down: count("down") };
}
