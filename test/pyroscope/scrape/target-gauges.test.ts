import { describe, expect, test } from "bun:test";
import { labelsOf, type TargetStatus } from "../../../src/model/index.ts";
import { createMetrics } from "../../../src/observability/index.ts";
import { collectTargetGauges } from "../../../src/pyroscope/scrape/metrics.ts";

const status = (instance: string, given: Partial<TargetStatus> = {}): TargetStatus => ({
  job: "x",
  type: "memory",
  url: `http://${instance}/`,
  intervalMs: 15_000,
  timeoutMs: 18_000,
  labels: labelsOf({ instance }),
  delta: "agent",
  health: "unknown",
  nextScrapeMs: 0,
  ...given,
});
const up = (instance: string, lastScrapeDurationMs: number) => status(instance, { health: "up", lastScrapeDurationMs });

function aComponent() {
  const metrics = createMetrics();
  let statuses: readonly TargetStatus[] = [];
  let asked = 0;
  const collect = (id: string) =>
    collectTargetGauges(metrics, {
      prefix: "pyroscope",
      id,
      statuses() {
        asked++;
        return statuses;
      },
    });
  const stop = collect("one");
  /** The values of these statuses: of each instance whether it is up and the duration. */
  const shown = async (...given: readonly TargetStatus[]): Promise<Record<string, string>> => {
    statuses = given;
    const values: Record<string, string> = {};
    const line = /^pyroscope_scrape_target_(up|last_duration)\w*\{component_id="one",.*instance="(\w+)".*\} (\S+)$/gm;
    for (const [, name, instance, value] of (await metrics.text()).matchAll(line))
      values[`${name} ${instance}`] = `${value}`;
    return values;
  };
  return { metrics, collect, stop, shown, asked: () => asked };
}

describe("the gauges of targets", () => {
  test("are those of the targets that there are, as they are, and gone with their component", async () => {
    const { shown, stop } = aComponent();
    expect(await shown(up("a", 1000), up("b", 500))).toEqual({
      "up a": "1",
      "up b": "1",
      "last_duration a": "1",
      "last_duration b": "0.5",
    });
    expect(await shown(status("a", { health: "down", lastScrapeDurationMs: 2000 }))).toEqual({
      "up a": "0",
      "last_duration a": "2",
    });
    // Its loop began anew.
    expect(await shown(status("a"))).toEqual({});
    expect(await shown(up("a", 2000))).toEqual({ "up a": "1", "last_duration a": "2" });
    stop();
    expect(await shown(up("a", 2000))).toEqual({});
  });

  test("of several scrapes with the same labels are those of one that is down, wherever it stands", async () => {
    const { shown } = aComponent();
    const down = status("a", { health: "down", lastScrapeDurationMs: 3000 });
    for (const order of [
      [up("a", 1000), down, status("a")],
      [status("a"), down, up("a", 1000)],
    ])
      expect(await shown(...order)).toEqual({ "up a": "0", "last_duration a": "3" });
    expect(await shown(up("a", 1000), status("a"))).toEqual({ "up a": "1", "last_duration a": "1" });
  });

  test("leave those of another component alone, and look at the targets once", async () => {
    const { metrics, collect, stop, shown, asked } = aComponent();
    const stopOther = collect("other");
    await shown(up("a", 1000));
    expect(asked()).toBe(2);
    stop();
    expect(await metrics.text()).toMatch(/target_up\{component_id="other",job="x",instance="a",type="memory"\} 1\n/);
    stopOther();
  });
});
