import { afterEach, describe, expect, test } from "bun:test";
import { labelsOf } from "../../../src/model/index.ts";
import { recording } from "../../support/recordings.ts";
import { aManager, answer, ok, only } from "./a-manager.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

let running: ReturnType<typeof aManager> | undefined;
afterEach(() => running?.manager.close());

describe("the log", () => {
  test("has one line for each reason that a target fails for in turn, until it works again", async () => {
    let scrape = 0;
    const replies = [answer(404, "not found"), answer(502, "bad gateway")];
    running = aManager(() =>
      scrape === 50 ? ok(recording("goroutine", 1)) : (replies[scrape % 2] as (typeof replies)[0]),
    );
    const { clock, log, sync, requests } = running;
    sync(["a:1"], only("goroutine"));
    for (; scrape < 100; scrape++) await clock.advance(15_000);
    expect(requests).toHaveLength(100);
    const reasons = log.lines.filter(({ level }) => level === "warn").map(({ fields }) => fields["reason"]);
    expect(reasons).toEqual(["http_4xx", "http_5xx", "http_5xx", "http_4xx"]);
    expect(log.messages("info")).toEqual(["Scrape works again"]);
  });

  test("has a line for an outage each day, also where another type of the target fails all the time", async () => {
    let isDown = false;
    running = aManager(({ url }) => {
      if (url.includes("mutex")) return answer(404, "not found");
      return isDown ? answer(502, "bad gateway") : ok(recording("goroutine", 1));
    });
    const { clock, log, sync } = running;
    sync(["a:1"], only("goroutine", "mutex"));
    for (let day = 0; day < 3; day++) {
      isDown = true;
      await clock.advance(10 * 60_000);
      isDown = false;
      await clock.advance(50 * 60_000);
    }
    const reasons = log.lines.filter(({ level }) => level === "warn").map(({ fields }) => fields["reason"]);
    expect(reasons.filter((reason) => reason === "http_5xx")).toHaveLength(3);
    expect(reasons.filter((reason) => reason !== "http_5xx")).toEqual(["http_4xx"]);
  });

  test("has one line for all new targets of which no scrape can be made for one reason", async () => {
    running = aManager(() => ok(recording("goroutine", 1)));
    const { manager, clock, log, metrics, terms } = running;
    const run = async (count: number): Promise<void> => {
      const schemes = ["ftp", "gopher"];
      const bad = Array.from({ length: count }, (_, at) =>
        labelsOf({ __address__: `h${at}:1`, __scheme__: schemes[at % 2] as string }),
      );
      const nameless = labelsOf({ service_name: "nameless" });
      const args = parseScrapeArguments(only("goroutine"));
      manager.sync([...bad, nameless, nameless], { id: "x", args, infersServiceName: true, terms });
      while (manager.skipped?.count !== count + 2) await clock.advance(1);
    };
    await run(3000);
    await run(3000);
    await run(3001);
    const warnings = log.lines.filter(({ level }) => level === "warn");
    expect(warnings.map(({ message, fields }) => [message, fields["reason"], fields["targets"]])).toEqual([
      ["Targets skipped", "bad_scheme", 3000],
      ["Targets skipped", "no_address", 2],
      ["Targets skipped", "bad_scheme", 1],
    ]);
    expect(log.messages("debug")).toHaveLength(2999 + 1);
    expect(await metrics.total("pyroscope_scrape_targets_skipped_total")).toBe(3003);
  });
});
