/**
 * How long many targets that change hold the event loop up: one sync of all of them, one in which a tenth is replaced, and one that ends all.
 * Loops are started and stopped, but scrape nothing within the time.
 *
 *     node_modules/.bin/bun bench/plan.ts --targets 20000
 */
import process from "node:process";
import { setImmediate } from "node:timers";
import { parseArgs } from "node:util";
import { systemClock } from "../src/base/index.ts";
import { labelsOf, type Target } from "../src/model/index.ts";
import { createMetrics } from "../src/observability/index.ts";
import { createBaselineTable } from "../src/pyroscope/scrape/baselines.ts";
import { createClockLog } from "../src/pyroscope/scrape/clock-log.ts";
import { createCpuSlots } from "../src/pyroscope/scrape/cpu-slots.ts";
import { createFailureLog } from "../src/pyroscope/scrape/failure-log.ts";
import { Turns } from "../src/pyroscope/scrape/in-turns.ts";
import { createScrapeMetrics } from "../src/pyroscope/scrape/metrics.ts";
import { ScrapeManager } from "../src/pyroscope/scrape/scrape-manager.ts";
import { parseScrapeArguments } from "../test/pyroscope/scrape/scrape-arguments.ts";
import { createMemoryLog } from "../test/support/memory-log.ts";

const { values } = parseArgs({ options: { targets: { type: "string", default: "20000" } } });
const count = Number(values.targets);
// Longer than any sync takes here.
const watchedMs = 4000;

const id = "pyroscope.scrape.bench";

/** A manager whose targets never answer. */
function aManager(): ScrapeManager {
  const [clock, log] = [systemClock, createMemoryLog()];
  return new ScrapeManager({
    componentId: id,
    baselines: createBaselineTable(clock),
    clock,
    log,
    metrics: createScrapeMetrics(createMetrics(), { prefix: "pyroscope", id }),
    failures: createFailureLog(log, clock),
    clocks: createClockLog(log),
    cpuSlots: createCpuSlots(clock),
    headers: {},
    turns: new Turns(clock),
  });
}

/** A pod as discovery.kubernetes would find it. */
function pod(index: number): Target {
  const labels: Record<string, string> = {
    __address__: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}:6060`,
    service_name: `service-${index % 50}`,
    __meta_kubernetes_namespace: "shop",
    __meta_kubernetes_pod_name: `cart-${index}`,
    __meta_kubernetes_pod_container_name: "app",
    __meta_kubernetes_pod_node_name: `node-${index % 100}`,
  };
  for (let label = 0; label < 10; label++) labels[`__meta_kubernetes_pod_label_l${label}`] = `value-${label}`;
  return labelsOf(labels);
}

const pods = (from: number, to: number): Target[] => Array.from({ length: to - from }, (_, index) => pod(from + index));

/** The longest turns of the event loop while and after `start` runs, in milliseconds, the longest first. */
async function longestTurns(start: () => void): Promise<number[]> {
  const turns: number[] = [];
  let [lastMs, watching] = [performance.now(), true];
  const watch = (): void => {
    const nowMs = performance.now();
    turns.push(nowMs - lastMs);
    lastMs = nowMs;
    if (watching) setImmediate(watch);
  };
  setImmediate(watch);
  start();
  await new Promise((resolve) => setTimeout(resolve, watchedMs));
  watching = false;
  return turns.sort((a, b) => b - a).slice(0, 5);
}

const args = parseScrapeArguments({ scrape_interval: "1h" });
const terms = {
  client: { request: () => new Promise<never>(() => {}), close: () => {} },
  receiver: { append: () => Promise.resolve() },
  maxBytes: 1_000_000,
};
const options = { id, args, infersServiceName: true, terms };
const manager = aManager();
const all = pods(0, count);
const replaced = [...all.slice(count / 10), ...pods(count, count + count / 10)];
for (const [what, targets] of [
  ["all new", all],
  ["a tenth replaced", replaced],
  ["all gone", []],
] as const) {
  const turns = await longestTurns(() => manager.sync(targets, options));
  const loops = manager.snapshot().length;
  console.log(`${what.padEnd(17)} ${loops} loops, longest turns ${turns.map((ms) => ms.toFixed(0)).join(" ")} ms`);
}
process.exit(0);
