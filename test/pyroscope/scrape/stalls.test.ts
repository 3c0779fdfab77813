import { afterEach, describe, expect, test } from "bun:test";
import { recording } from "../../support/recordings.ts";
import { aManager, ok, only } from "./a-manager.ts";

let running: ReturnType<typeof aManager>;
afterEach(() => running.manager.close());

const intervalMs = 15_000;
const targets = Array.from({ length: 100 }, (_, at) => `h${at}:1`);

describe("after a stall of the agent", () => {
  const rows: [what: string, stallMs: number][] = [
    ["of most of an interval", 12_000],
    ["of some intervals", 40_000],
    ["of hours", 3 * 3_600_000],
  ];
  test.each(rows)(
    "%s scrapes are spread as ever, and each target is scraped within an interval",
    async (_, stallMs) => {
      const at: number[] = [];
      running = aManager(() => {
        at.push(running.clock.monotonic());
        return ok(recording("profile", 1));
      });
      const { clock, manager, metrics, requests, sync } = running;
      const most = (): number =>
        Math.max(
          ...Map.groupBy(at.splice(0), (ms) => Math.floor(ms / 1000))
            .values()
            .map(({ length }) => length),
        );
      sync(targets, only("process_cpu"));
      await clock.advance(2 * intervalMs);
      const usual = most();
      requests.splice(0);
      clock.stall(stallMs);
      await clock.advance(0);
      // Those that are late by less than a quarter of the interval.
      expect(requests.length).toBeLessThan(targets.length / 3);
      at.splice(0);
      await clock.advance(intervalMs);
      expect(most()).toBeLessThanOrEqual(usual + 1);
      expect(new Set(requests.map(({ url }) => new URL(url).host)).size).toBe(targets.length);
      expect(manager.snapshot().flatMap(({ lastErrorReason }) => lastErrorReason ?? [])).toEqual([]);
      const skipped = /scrape_skipped_total\{[^}]*reason="late"\} (\d+)/.exec(await metrics.text())?.[1];
      expect(Number(skipped)).toBeGreaterThanOrEqual(Math.floor(stallMs / intervalMs) * targets.length);
    },
  );

  test("that is short no scrape is left out", async () => {
    running = aManager(() => ok(recording("goroutine", 1)));
    const { clock, requests, sync } = running;
    sync(targets, only("goroutine"));
    await clock.advance(intervalMs);
    clock.stall(3000);
    await clock.advance(2 * intervalMs - 3000);
    expect(requests).toHaveLength(3 * targets.length);
  });
});

describe("a machine that sleeps", () => {
  test("costs no scrape where the clock of its timers sleeps, too", async () => {
    running = aManager(() => ok(recording("goroutine", 1)));
    const { clock, requests, sync } = running;
    sync(targets, only("goroutine"));
    await clock.advance(intervalMs);
    clock.suspend(8 * 3_600_000);
    await clock.advance(intervalMs);
    expect(requests).toHaveLength(2 * targets.length);
  });
});
