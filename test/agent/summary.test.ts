import { expect, test } from "bun:test";
import type { ComponentSnapshot } from "../../src/component/index.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { summarizeHourly } from "../../src/summary.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";

const hourMs = 3_600_000;

test("summarizeHourly() logs once an hour how far the counters got since, and the targets by health", async () => {
  const [clock, log, metrics] = [new FakeClock(), createMemoryLog(), createMetrics()];
  const scrapes = metrics.counter("pyroscope_scrape_scrapes_total", "Scrapes.", ["type"]);
  const sent = metrics.counter("pyroscope_write_sent_profiles_total", "Profiles.");
  const targets = ["up", "up", "down", "unknown"].map((health) => ({ health }));
  const components = () => [{ debugInfo: { targets } }, { debugInfo: {} }] as unknown as ComponentSnapshot[];
  const controller = new AbortController();
  scrapes.inc({ type: "before" }, 5);
  const ended = summarizeHourly({ clock, log, metrics, components }, controller.signal);
  await settle();
  scrapes.inc({ type: "memory" }, 3);
  scrapes.inc({ type: "block" }, 4);
  sent.inc(2);
  await clock.advance(hourMs - 1);
  expect(log.lines).toEqual([]);
  await clock.advance(1);
  const health = { targets_up: 2, targets_down: 1 };
  expect(log.lines.at(-1)?.fields).toEqual({ ...health, scraped: 7, scrape_failures: 0, sent: 2, dropped: 0 });
  sent.inc(1);
  await clock.advance(hourMs);
  expect(log.lines.at(-1)?.fields).toEqual({ ...health, scraped: 0, scrape_failures: 0, sent: 1, dropped: 0 });
  controller.abort();
  await ended;
  expect([log.lines.length, clock.pending]).toEqual([2, 0]);
});
