import { type Metric, parseMetrics } from "../test/support/parse-metrics.ts";

/** The counts of the agent's own lag histogram by upper bound; `undefined` where the subject has no such metric. */
export async function lagBuckets(url: string): Promise<ReadonlyMap<number, number> | undefined> {
  return lagBucketsOf(parseMetrics(await (await fetch(url)).text()));
}

/** The same of an exposition that was read for other figures too: to write one of many targets stops the agent for a moment. */
export function lagBucketsOf(metrics: readonly Metric[]): ReadonlyMap<number, number> | undefined {
  const buckets = metrics.filter(({ name }) => name === "agent_event_loop_lag_seconds_bucket");
  if (buckets.length === 0) return undefined;
  return new Map(buckets.map(({ labels, value }) => [Number(labels["le"]?.replace("+Inf", "Infinity")), value]));
}

/** The bound in milliseconds under which 99 % of the samples between two readings lie, interpolated as Prometheus does. */
export function p99Ms(
  before: ReadonlyMap<number, number> = new Map(),
  after: ReadonlyMap<number, number> = new Map(),
): number | undefined {
  const counts = [...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const);
  const wanted = 0.99 * (counts.at(-1)?.[1] ?? 0);
  let [lower, below] = [0, 0];
  for (const [bound, count] of counts) {
    if (count >= wanted && count > 0)
      return 1000 * (bound === Infinity ? lower : lower + ((bound - lower) * (wanted - below)) / (count - below));
    [lower, below] = [bound, count];
  }
  return undefined;
}
