/**
 * observability: the log and the metrics registry. Rooms get both handed in; nothing here is global.
 */
export {
  createLogger,
  type LogFields,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  logLevels,
  silentLogger,
} from "./log.ts";
export { type LogFormat, logFormats } from "./log-format.ts";
export { type Counter, createMetrics, type Gauge, type Histogram, type Metrics } from "./metrics.ts";
export { collectProcessMetrics, measureEventLoopLag, type ProcessMetricsOptions } from "./process-metrics.ts";
