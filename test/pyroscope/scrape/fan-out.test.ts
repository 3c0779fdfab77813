import { describe, expect, test } from "bun:test";
import { AgentError } from "../../../src/base/index.ts";
import { type Appender, labelsOf, type Profile } from "../../../src/model/index.ts";
import { createMetrics } from "../../../src/observability/index.ts";
import { fanOut } from "../../../src/pyroscope/scrape/fan-out.ts";
import { createScrapeMetrics } from "../../../src/pyroscope/scrape/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";

const profile: Profile = {
  id: "1",
  labels: labelsOf({ __name__: "memory" }),
  data: new Uint8Array(1),
  info: { sampleTypes: [], samples: 1, timeMs: 0, durationMs: 0, rawBytes: 1 },
  scrapedAtMs: 0,
};
const accepts: Appender = { append: () => Promise.resolve() };
const refuses: Appender = { append: () => Promise.reject(new AgentError("larger_than_queue", "Cannot queue")) };

function setUp(appenders: Record<string, Appender>) {
  const clock = new FakeClock();
  const log = createMemoryLog();
  const registry = createMetrics();
  const metrics = createScrapeMetrics(registry, { prefix: "pyroscope", id: "pyroscope.scrape.test" });
  const receivers = Object.entries(appenders).map(([id, appender]) => ({ id, appender }));
  const count = async (name: string): Promise<number> => registry.total(name);
  const fan = fanOut(receivers, { clock, metrics, log });
  return { log, count, append: () => fan.append(profile) };
}

describe("fanOut()", () => {
  test("gives the same profile to every receiver and counts it once", async () => {
    const received: Profile[] = [];
    const keeps: Appender = { append: async (each) => void received.push(each) };
    const { append, count } = setUp({ a: keeps, b: keeps });
    await append();
    expect(received).toEqual([profile, profile]);
    expect(await count("pyroscope_forwarded_entries_total")).toBe(1);
    expect(await count("pyroscope_forward_failures_total")).toBe(0);
  });

  test("succeeds where one of several accepts, so that a delta is not sent to it twice", async () => {
    const { append, count, log } = setUp({ a: refuses, b: accepts });
    await append();
    expect(await count("pyroscope_forward_failures_total")).toBe(1);
    expect(log.lines.map(({ message, fields }) => [message, fields.receiver])).toEqual([
      ["A receiver refuses profiles", "a"],
    ]);
  });

  test("rejects where nobody accepts, and counts each refusal", async () => {
    const { append, count } = setUp({ a: refuses, b: refuses });
    await expect(append()).rejects.toThrow("Cannot queue");
    expect(await count("pyroscope_forward_failures_total")).toBe(2);
  });

  test("goes nowhere without receivers, which counts as nothing", async () => {
    const { append, count } = setUp({});
    await append();
    expect(await count("pyroscope_forwarded_entries_total")).toBe(0);
  });

  test("does not wait for a slow receiver before it asks the next", async () => {
    const asked: string[] = [];
    let release = (): void => {};
    const slow: Appender = {
      append: () => {
        asked.push("slow");
        return new Promise((resolve) => (release = resolve));
      },
    };
    const quick: Appender = { append: async () => void asked.push("quick") };
    const appended = setUp({ slow, quick }).append();
    expect(asked).toEqual(["slow", "quick"]);
    release();
    await appended;
  });

  test("tells of a receiver that refuses once, and when it accepts again", async () => {
    let refusing = true;
    const moody: Appender = { append: (each) => (refusing ? refuses : accepts).append(each) };
    const { append, log } = setUp({ moody });
    for (let i = 0; i < 3; i++) await append().catch(() => undefined);
    refusing = false;
    await append();
    expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      "warn A receiver refuses profiles",
      "info A receiver accepts profiles again",
    ]);
  });
});
