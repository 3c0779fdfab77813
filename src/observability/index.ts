/**
 * observability: the log and the metrics registry. Rooms get both handed in; nothing here is global.
 */
export type { LogFields, Logger } from "./log.ts";
export { type Counter, createMetrics, type Gauge, type Histogram, type Metrics } from "./metrics.ts";
