import { describe, expect, test } from "bun:test";
import { Duration } from "../../src/base/index.ts";
import { polling, type Report } from "../../src/discovery/index.ts";
import { jittered, lookOnce } from "../../src/discovery/polling.ts";
import { FakeClock } from "../support/fake-clock.ts";

/** What was reported, in order. */
function recordingReport(): { report: Report; told: string[] } {
  const told: string[] = [];
  return {
    told,
    report: {
      found: (source, targets) => told.push(`found ${source} ${targets.length}`) > 0,
      gone: (source) => void told.push(`gone ${source}`),
      skipped: () => {},
      failed: (source, error) => void told.push(`failed ${source} ${(error as Error).message}`),
      complete: (failure) => void told.push(failure ? `complete ${(failure as Error).message}` : "complete"),
      settled: () => {},
    },
  };
}

const interval = new Duration(60_000);

describe("polling()", () => {
  test("looks at once, and then at the interval, give or take a tenth", async () => {
    const clock = new FakeClock();
    const looks: number[] = [];
    const { report, told } = recordingReport();
    const stop = new AbortController();
    const look = async (): Promise<void> => {
      looks.push(clock.monotonic());
      report.found("a", []);
    };
    const ended = polling({ interval, clock, look }).run(stop.signal, report);
    await clock.advance(600_000);
    stop.abort();
    await ended;
    expect(looks[0]).toBe(0);
    for (const [index, at] of looks.slice(1).entries()) {
      const waitedMs = at - (looks[index] as number);
      expect(waitedMs).toBeGreaterThanOrEqual(54_000);
      expect(waitedMs).toBeLessThanOrEqual(66_000);
    }
    expect(new Set(looks.map((at, index) => at - (looks[index - 1] ?? 0))).size).toBeGreaterThan(5);
    expect(told.slice(0, 2)).toEqual(["found a 0", "complete"]);
    expect(clock.pending).toBe(0);
  });

  test("never overlaps itself, however long a look takes", async () => {
    const clock = new FakeClock();
    let [now, most, looks] = [0, 0, 0];
    const look = async (): Promise<void> => {
      looks++;
      most = Math.max(most, ++now);
      await new Promise<void>((resolve) => clock.after(300_000, resolve));
      now--;
    };
    const stop = new AbortController();
    const ended = polling({ interval, clock, look }).run(stop.signal, recordingReport().report);
    await clock.advance(1_200_000);
    stop.abort();
    await clock.advance(300_000);
    await ended;
    expect({ most, looks }).toEqual({ most: 1, looks: 4 });
  });

  test("reports a look that throws and goes on, but not one that was told to end", async () => {
    const clock = new FakeClock();
    const { report, told } = recordingReport();
    const stop = new AbortController();
    let fails = true;
    const look = async (signal: AbortSignal): Promise<void> => {
      if (fails) throw new Error("Nobody there");
      await new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
      );
    };
    const ended = polling({ interval, clock, look }).run(stop.signal, report);
    await clock.advance(0);
    fails = false;
    await clock.advance(66_000);
    stop.abort();
    await ended;
    expect(told).toEqual(["failed  Nobody there"]);
  });

  test.each([
    [["ok"], "complete"],
    [["ok", "bad"], "complete"],
    [["bad", "bad"], "complete bad"],
    [[], "complete"],
  ])("tells how a look at sources that are %j ended", async (sources, ended) => {
    const { report, told } = recordingReport();
    const look = async (_: AbortSignal, noting: Report): Promise<void> => {
      for (const source of sources)
        if (source === "ok") noting.found(source, []);
        else noting.failed(source, new Error(source));
    };
    await lookOnce(look, { signal: new AbortController().signal, report });
    expect(told.at(-1)).toBe(ended);
  });

  test.each([
    [0, 54_000],
    [0.5, 60_000],
    [1, 66_000],
  ])("waits %p of the way between the least and the most", (random, waitMs) => {
    expect(jittered(60_000, () => random)).toBeCloseTo(waitMs);
  });
});
