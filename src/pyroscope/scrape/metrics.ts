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
export type SkipReason = "slow_scrape" | "cpu_busy" | "late";

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
    "Targets that no scrape can be made of, each once for as long as it is there.",
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

/** One value for each gauge, of the scrapes that share a target's labels. */
interface ShownTarget {
  readonly labels: Record<string, string>;
  /** Whether it is up, and how long the last scrape took; absent before there is one. */
  readonly values: readonly [up: number | undefined, durationSeconds: number | undefined];
}

/**
 * The gauges of targets, set when metrics are asked for and not at every scrape: one value for each (target, type), but of the
 * clocks the one that differs most. Of thousands only what changed is set. Returns the function that takes them away.
 */
export function collectTargetGauges(
  metrics: Metrics,
  options: { prefix: string; id: string; statuses: () => readonly TargetStatus[]; dropped?: () => number },
): () => void {
  const { prefix, id, statuses, dropped = () => 0 } = options;
  const gauge = (name: string, help: string, labels: readonly string[] = []) =>
    metrics.gauge(`${prefix}_scrape_${name}`, help, ["component_id", ...labels]);
  const ofTarget = ["job", "instance", "type"];
  const up = gauge("target_up", "1 where the last scrape gave a profile, 0 where it failed.", ofTarget);
  const duration = gauge("target_last_duration_seconds", "Duration of the last scrape.", ofTarget);
  const skew = gauge(
    "target_clock_skew_seconds",
    "Of the targets whose clock differs most from this box's: their clock minus this box's.",
  );
  const droppedTargets = gauge("dropped_targets", "Targets that are not scraped because a relabel rule drops them.");
  const ofTargets = [up, duration];
  const own = { component_id: id };
  let shown: ReadonlyMap<string, ShownTarget> = new Map();
  const show = (now: ReadonlyMap<string, ShownTarget>): void => {
    // Not reset(): other components of this kind share the gauges.
    for (const [key, { labels, values }] of now)
      for (const [at, each] of ofTargets.entries()) {
        const value = values[at];
        if (value === shown.get(key)?.values[at]) continue;
        if (value === undefined) each.remove(labels);
        else each.set(labels, value);
      }
    for (const [key, { labels }] of shown) if (!now.has(key)) for (const each of ofTargets) each.remove(labels);
    shown = now;
  };
  const unregister = metrics.onCollect(() => {
    const all = statuses();
    const mostMs = largestSkewMs(all);
    if (mostMs === undefined) skew.remove(own);
    else skew.set(own, mostMs / 1000);
    droppedTargets.set(own, dropped());
    show(shownTargets(id, all));
  });
  return () => {
    unregister();
    show(new Map());
    skew.remove(own);
    droppedTargets.remove(own);
  };
}

/** By what tells them apart. Two scrapes may share these labels (prefixes behind one port): the one that is down is shown. */
function shownTargets(id: string, statuses: readonly TargetStatus[]): Map<string, ShownTarget> {
  const shown = new Map<string, ShownTarget>();
  for (const { job, type, labels, health, lastScrapeDurationMs: durationMs } of statuses) {
    const instance = labelValue(labels, "instance");
    const key = `${type}\n${instance}\n${job}`;
    const other = shown.get(key);
    if (other?.values[0] === 0) continue;
    const up = health === "unknown" ? undefined : Number(health === "up");
    const seconds = durationMs === undefined ? undefined : durationMs / 1000;
    shown.set(key, {
      labels: other?.labels ?? { component_id: id, job, instance, type },
      values: [up ?? other?.values[0], seconds ?? other?.values[1]],
    });
  }
  return shown;
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
