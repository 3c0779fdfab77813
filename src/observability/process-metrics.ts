import process from "node:process";
import { type Clock, sleep } from "../base/index.ts";
import type { Metrics } from "./metrics.ts";

export interface ProcessMetricsOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** The process' own figures under the names that every Prometheus client uses. */
export function collectProcessMetrics({ metrics, clock }: ProcessMetricsOptions): void {
  const cpu = metrics.counter("process_cpu_seconds_total", "User and system CPU time spent, in seconds.");
  const memory = metrics.gauge("process_resident_memory_bytes", "Resident memory, in bytes.");
  const start = metrics.gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.");
  start.set(clock.now() / 1000 - process.uptime());
  let counted = 0;
  metrics.onCollect(() => {
    const { user, system } = process.cpuUsage();
    const seconds = (user + system) / 1e6;
    cpu.inc(Math.max(0, seconds - counted));
    counted = seconds;
    memory.set(process.memoryUsage().rss);
  });
}

const lagSampleMs = 250;
const lagBuckets = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1];

/**
 * Samples, until `signal` aborts, how late timers fire: the time for which the agent could do nothing else. Own code because
 * node:perf_hooks' monitorEventLoopDelay measures nothing on Deno 2.9.
 */
export async function measureEventLoopLag(
  { metrics, clock }: ProcessMetricsOptions,
  signal: AbortSignal,
): Promise<void> {
  const lag = metrics.histogram("agent_event_loop_lag_seconds", "How late timers fired, in seconds.", [], lagBuckets);
  while (!signal.aborted) {
    const dueMs = clock.monotonic() + lagSampleMs;
    await sleep(clock, lagSampleMs, signal).catch(() => undefined);
    if (!signal.aborted) lag.observe(Math.max(0, clock.monotonic() - dueMs) / 1000);
  }
}
