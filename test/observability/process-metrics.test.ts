import { describe, expect, test } from "bun:test";
import { collectProcessMetrics, createMetrics, measureEventLoopLag } from "../../src/observability/index.ts";
import { FakeClock } from "../support/fake-clock.ts";

describe("collectProcessMetrics()", () => {
  test("shows CPU, memory and the start of the process", async () => {
    const metrics = createMetrics();
    const clock = new FakeClock();
    collectProcessMetrics({ metrics, clock });
    await metrics.text();
    expect(await metrics.total("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(await metrics.total("process_resident_memory_bytes")).toBeGreaterThan(1e6);
    expect(await metrics.total("process_start_time_seconds")).toBeLessThan(clock.now() / 1000);
  });
});

describe("measureEventLoopLag()", () => {
  test("counts how late its timers fire, and ends with the signal", async () => {
    const metrics = createMetrics();
    const clock = new FakeClock();
    const controller = new AbortController();
    const ended = measureEventLoopLag({ metrics, clock }, controller.signal);
    await clock.advance(250);
    expect(await metrics.text()).toContain('agent_event_loop_lag_seconds_bucket{le="0.001"} 1');
    controller.abort();
    await ended;
    expect(clock.pending).toBe(0);
  });
});
