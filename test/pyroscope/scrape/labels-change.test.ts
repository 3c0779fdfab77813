import { afterEach, describe, expect, test } from "bun:test";
import { AgentError } from "../../../src/base/index.ts";
import type { HttpRequest } from "../../../src/http/index.ts";
import { labelsOf, labelValue } from "../../../src/model/index.ts";
import { recording } from "../../support/recordings.ts";
import { aManager, answer, ok, only } from "./a-manager.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

let running: ReturnType<typeof start>;
afterEach(() => running.manager.close());

/** One target, whose label `rev` changes with each `run`; a request takes the `seconds` that it asks for. */
function start(type: string, respond = () => ok(recording("profile", 1))) {
  const scraping = aManager(async (request) => {
    await profiling(request);
    return respond();
  });
  const { clock, manager, terms } = scraping;
  const profiling = ({ url, signal }: HttpRequest): Promise<void> =>
    new Promise((resolve, reject) => {
      const timer = clock.after(Number(new URL(url).searchParams.get("seconds")) * 1000, resolve);
      signal.addEventListener("abort", () => {
        timer.cancel();
        reject(new AgentError("canceled", "Canceled"));
      });
    });
  const args = parseScrapeArguments(only(type));
  const run = (rev: number, given = terms): void =>
    manager.sync([labelsOf({ __address__: "a:1", rev: String(rev) })], {
      id: "pyroscope.scrape.test",
      args,
      infersServiceName: true,
      terms: given,
    });
  return { ...scraping, run };
}

describe("a target whose labels change all the time", () => {
  test("gives every CPU profile, under the labels that it had when the profile began", async () => {
    running = start("process_cpu");
    const { clock, run, requests, received } = running;
    const revAt: string[] = [];
    for (let rev = 0; rev < 60; rev++) {
      run(rev);
      await clock.advance(10_000);
      while (revAt.length < requests.length) revAt.push(String(rev));
    }
    expect(requests).toHaveLength(40);
    expect(received.length).toBeGreaterThanOrEqual(39);
    expect(received.map(({ labels }) => labelValue(labels, "rev"))).toEqual(revAt.slice(0, received.length));
    expect(running.manager.snapshot().map(({ labels }) => labelValue(labels, "rev"))).toEqual(["59"]);
  });

  test("fails in one line of the log, and works again in one", async () => {
    let fails = true;
    running = start("goroutine", () => (fails ? answer(404, "") : ok(recording("goroutine", 1))));
    const { clock, run, log } = running;
    for (let rev = 0; rev < 20; rev++) {
      run(rev);
      if (rev === 10) fails = false;
      await clock.advance(15_000);
    }
    expect([log.messages("warn"), log.messages("info")]).toEqual([["Scrape failed"], ["Scrape works again"]]);
  });

  test("is cut off by new arguments, so that nothing that began by the old ones goes to their receivers", async () => {
    running = start("process_cpu");
    const { clock, run, requests, received, terms } = running;
    run(1);
    while (requests.length === 0) await clock.advance(100);
    const others: string[] = [];
    const receiver = { append: async () => void others.push("profile") };
    run(2, { ...terms, receiver });
    await clock.advance(14_000);
    expect([received.length, others.length]).toEqual([0, 0]);
    await clock.advance(30_000);
    expect(others.length).toBeGreaterThan(0);
  });
});
