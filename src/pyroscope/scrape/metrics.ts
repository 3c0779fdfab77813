import type { Counter, Histogram, Metrics } from "../../observability/index.ts";
import { labelValue, type TargetStatus } from "../../model/index.ts";

/** The counters of one scrape component. Names that Alloy has too mean the same there. */
export interface ScrapeMetrics {
  scraped(type: string): void;
  failed(type: string, reason: string): void;
  skipped(reason: SkipReason, count: number): void;
  targetSkipped(reason: string): void;
  received(bytes: number): void;
  deltaOutcome(outcome: string): void;
  readonly emptyProfiles: Adder;
  readonly untimedProfiles: Adder;
  readonly clampedValues: Adder;
  readonly fallenStacks: Adder;
  readonly forwarded: Adder;
  readonly forwardFailures: Adder;
  readonly movedTargets: Adder;
  fanoutSeconds(seconds: number): void;
}

/** Why a tick of a loop passed without a scrape. */
export type SkipReason = "slow_scrape" | "cpu_busy";

export interface Adder {
  inc(by?: number): void;
}

/** The metrics of component `id`; `prefix` is `pyroscope` or, for phlare.scrape, `phlare`. */
export function createScrapeMetrics(metrics: Metrics, { prefix, id }: { prefix: string; id: string }): ScrapeMetrics {
  const own = { component_id: id };
  const counter = (name: string, help: string, labels: readonly string[] = []): Counter =>
    metrics.counter(`${prefix}_${name}`, help, ["component_id", ...labels]);
  const adder = (name: string, help: string): Adder => {
    const child = counter(name, help);
    return { inc: (by = 1) => child.inc(own, by) };
  };
  const scrapes = counter("scrape_scrapes_total", "Scrapes that gave a profile.", ["type"]);
  const failures = counter("scrape_failures_total", "Scrapes that gave no profile, by reason.", ["type", "reason"]);
  const skipped = counter("scrape_skipped_total", "Ticks of the schedule that passed without a scrape.", ["reason"]);
  const targets = counter(
    "scrape_targets_skipped_total",
    "Targets that no scrape can be made of, each time they were given.",
    ["reason"],
  );
  const outcomes = counter("scrape_delta_profiles_total", "Cumulative profiles by what became of them.", ["outcome"]);
  const bodyBytes = adder("scrape_body_bytes_total", "Bytes of profiles as received.");
  const fanout: Histogram = metrics.histogram(
    `${prefix}_fanout_latency`,
    "Seconds that one append to all receivers took.",
    ["component_id"],
  );
  return {
    scraped: (type) => scrapes.inc({ ...own, type }),
    failed: (type, reason) => failures.inc({ ...own, type, reason }),
    skipped: (reason, count) => skipped.inc({ ...own, reason }, count),
    targetSkipped: (reason) => targets.inc({ ...own, reason }),
    received: (bytes) => bodyBytes.inc(bytes),
    deltaOutcome: (outcome) => outcomes.inc({ ...own, outcome }),
    emptyProfiles: adder("scrape_empty_profiles_total", "Profiles with nothing to hand on."),
    untimedProfiles: adder(
      "scrape_untimed_profiles_total",
      "Profiles without a time, handed on with that of their scrape.",
    ),
    clampedValues: adder("scrape_clamped_values_total", "Negative values of deltas computed by targets, set to zero."),
    fallenStacks: adder(
      "scrape_delta_fallen_stacks_total",
      "Single stacks whose cumulative value fell, counted as zero.",
    ),
    forwarded: adder("forwarded_entries_total", "Profiles that every receiver accepted."),
    movedTargets: adder(
      "scrape_moved_targets_total",
      "Targets that came from other agents of the cluster; the first profile of each is a baseline.",
    ),
    forwardFailures: adder("forward_failures_total", "Appends that a receiver refused."),
    fanoutSeconds: (seconds) => fanout.observe(own, seconds),
  };
}

/**
 * The gauges of targets, set when metrics are asked for and not at every scrape: one value for each (target, type), but of the
 * clocks the one that differs most. Returns the function that takes them away.
 */
export function collectTargetGauges(
  metrics: Metrics,
  options: { prefix: string; id: string; statuses: () => readonly TargetStatus[]; dropped?: () => number },
): () => void {
  const { prefix, id, statuses, dropped = () => 0 } = options;
  const gauge = (name: string, help: string) =>
    metrics.gauge(`${prefix}_scrape_target_${name}`, help, ["component_id", "job", "instance", "type"]);
  const up = gauge("up", "1 where the last scrape gave a profile, 0 where it failed.");
  const duration = gauge("last_duration_seconds", "Duration of the last scrape.");
  const timeout = gauge("timeout_seconds", "Deadline of one request.");
  const gauges = [up, duration, timeout];
  const skew = metrics.gauge(
    `${prefix}_scrape_target_clock_skew_seconds`,
    "Of the targets whose clock differs most from this box's: their clock minus this box's.",
    ["component_id"],
  );
  const droppedTargets = metrics.gauge(
    `${prefix}_scrape_dropped_targets`,
    "Targets that are not scraped because a relabel rule drops them.",
    ["component_id"],
  );
  let shown: Record<string, string>[] = [];
  const clear = (): void => {
    // Not reset(): other components of this kind share the gauges.
    for (const labels of shown) for (const each of gauges) each.remove(labels);
    shown = [];
    skew.remove({ component_id: id });
    droppedTargets.remove({ component_id: id });
  };
  const unregister = metrics.onCollect(() => {
    clear();
    droppedTargets.set({ component_id: id }, dropped());
    const mostMs = largestSkewMs(statuses());
    if (mostMs !== undefined) skew.set({ component_id: id }, mostMs / 1000);
    // Two scrapes may share these labels (prefixes behind one port): the one that is down is shown.
    const downLast = statuses().toSorted((a, b) => Number(a.health === "down") - Number(b.health === "down"));
    for (const status of downLast) {
      const instance = labelValue(status.labels, "instance");
      const labels = { component_id: id, job: status.job, instance, type: status.type };
      shown.push(labels);
      timeout.set(labels, status.timeoutMs / 1000);
      if (status.health !== "unknown") up.set(labels, status.health === "up" ? 1 : 0);
      if (status.lastScrapeDurationMs !== undefined) duration.set(labels, status.lastScrapeDurationMs / 1000);
    }
  });
  return () => {
    unregister();
    clear();
  };
}

function largestSkewMs(statuses: readonly TargetStatus[]): number | undefined {
  const skews = statuses.flatMap(({ clockSkewMs }) => clockSkewMs ?? []);
  return skews.toSorted((a, b) => Math.abs(b) - Math.abs(a))[0];
}

/** The memory of deltas, of all scrape components together. Returns the function that ends showing it. */
export function showBaselines(
  metrics: Metrics,
  baselines: { readonly bytes: number; readonly size: number },
): () => void {
  const bytes = metrics.gauge("pyroscope_scrape_delta_state_bytes", "Bytes that delta baselines occupy.");
  const count = metrics.gauge(
    "pyroscope_scrape_delta_baselines",
    "Delta baselines kept, those of targets that left included.",
  );
  return metrics.onCollect(() => {
    bytes.set(baselines.bytes);
    count.set(baselines.size);
  });
}
