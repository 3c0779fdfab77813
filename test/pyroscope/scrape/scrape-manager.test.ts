import { afterEach, describe, expect, test } from "bun:test";
import { AgentError } from "../../../src/base/index.ts";
import type { HttpRequest, HttpResponse } from "../../../src/http/index.ts";
import { labelsOf, type Target } from "../../../src/model/index.ts";
import { aManager, answer, only, type Respond } from "./a-manager.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

function untilCanceled({ signal }: HttpRequest): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new AgentError("canceled", "Canceled")), { once: true });
  });
}

let running: ReturnType<typeof aManager> | undefined;
function start(respond: Respond) {
  running = aManager(respond);
  return running;
}
afterEach(async () => {
  await running?.manager.close();
  expect(running?.clock.pending ?? 0).toBe(0);
  running = undefined;
});

describe("The loops of a component", () => {
  test("begin without waiting for loops of other targets to end, and wait for the one of their own", async () => {
    const answers: ((response: HttpResponse) => void)[] = [];
    // The targets do not notice that a request is given up.
    const { clock, requests, sync } = start(() => new Promise((resolve) => void answers.push(resolve)));
    const hosts = () => requests.map(({ url }) => new URL(url).hostname);
    sync(["a"], only("memory"));
    await clock.advance(15_000);
    sync(["b"], only("memory"));
    await clock.advance(15_000);
    expect(hosts()).toEqual(["a", "b"]);
    sync(["a", "b"], only("memory"));
    await clock.advance(15_000);
    expect(hosts()).toEqual(["a", "b"]);
    for (const give of answers.splice(0)) give(answer(500, "too late"));
    await clock.advance(15_000);
    expect(hosts().slice(2).sort()).toEqual(["a", "b"]);
    sync([], only("memory"));
    for (const give of answers) give(answer(500, "too late"));
  });

  test("of targets that are not among those known so far go on where more may come", async () => {
    const { clock, manager, requests, terms } = start(untilCanceled);
    const args = parseScrapeArguments(only("memory"));
    const plan = { id: "pyroscope.scrape.test", args, infersServiceName: true, terms };
    const [a, b] = ["a:1", "b:1"].map((address) => labelsOf({ __address__: address })) as [Target, Target];
    const scraped = () => manager.snapshot().map(({ url }) => new URL(url).host);
    manager.sync([a], plan);
    await clock.advance(15_000);
    manager.sync([b], { ...plan, isPartial: true });
    expect(scraped()).toEqual(["a:1", "b:1"]);
    expect(requests[0]?.signal?.aborted).toBe(false);
    // What is scraped under other labels now is not scraped twice, and what others own is theirs.
    const relabelled = labelsOf({ __address__: "a:1", zone: "eu" });
    const ownership = { owns: (address: string) => address !== "b:1", subscribe: () => () => {} };
    manager.sync([relabelled], { ...plan, terms: { ...terms, ownership }, isPartial: true });
    expect(scraped()).toEqual(["a:1"]);
    manager.sync([], plan);
    expect(scraped()).toEqual([]);
  });
});
