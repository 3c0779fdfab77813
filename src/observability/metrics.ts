import { setImmediate } from "node:timers/promises";
// The files and not the index: the index loads node:cluster and the default collectors, 12 MB of resident memory.
import type { Counter as CounterType, Gauge as GaugeType, Histogram as HistogramType, Registry } from "prom-client";
import CounterClass from "prom-client/lib/counter.js";
import GaugeClass from "prom-client/lib/gauge.js";
import HistogramClass from "prom-client/lib/histogram.js";
import RegistryClass from "prom-client/lib/registry.js";

export type Counter = CounterType;
export type Gauge = GaugeType;
export type Histogram = HistogramType;

/** A metric of one name for the whole process: components of one kind share it and tell themselves apart by labels. */
export interface Metrics {
  /** The counter of that name, made at the first call. */
  counter(name: string, help: string, labelNames?: readonly string[]): Counter;
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge;
  /** `buckets` are the upper bounds; prom-client's own, from 5 ms to 10 s, where they are left out. */
  histogram(name: string, help: string, labelNames?: readonly string[], buckets?: readonly number[]): Histogram;
  /** The sum of a counter or gauge over all its label sets; 0 where there is none of that name. */
  total(name: string): Promise<number>;
  /** Calls `collect` before every exposition, to set gauges from what is known then; until the returned function is called. */
  onCollect(collect: () => void): () => void;
  /** The exposition in Prometheus' text format. */
  text(): Promise<string>;
}

/** An empty registry. */
export function createMetrics(): Metrics {
  const registry: Registry = new RegistryClass();
  const collectors = new Set<() => void>();
  const once = <T>(name: string, make: () => T): T => (registry.getSingleMetric(name) as T | undefined) ?? make();
  const options = (name: string, help: string, labelNames: readonly string[]) => ({
    name,
    help,
    labelNames: [...labelNames],
    registers: [registry],
  });
  return {
    counter: (name, help, labelNames = []) => once(name, () => new CounterClass(options(name, help, labelNames))),
    gauge: (name, help, labelNames = []) => once(name, () => new GaugeClass(options(name, help, labelNames))),
    histogram: (name, help, labelNames = [], buckets) =>
      once(
        name,
        () => new HistogramClass({ ...options(name, help, labelNames), ...(buckets && { buckets: [...buckets] }) }),
      ),
    async total(name) {
      const metric = await registry.getSingleMetric(name)?.get();
      return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
    },
    onCollect(collect) {
      collectors.add(collect);
      return () => collectors.delete(collect);
    },
    async text() {
      for (const collect of collectors) collect();
      const texts: string[] = [];
      for (const { name } of registry.getMetricsAsArray()) {
        texts.push(await registry.getSingleMetricAsString(name));
        // Thousands of targets have tens of thousands of values: what scrapes and pushes has its turn in between.
        await setImmediate();
      }
      return `${texts.join("\n\n")}\n`;
    },
  };
}
