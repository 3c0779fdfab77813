import { afterEach, describe, expect, test } from "bun:test";
import { labelsOf, type Ownership, type Target } from "../../../src/model/index.ts";
import { recording } from "../../support/recordings.ts";
import { aManager, ok, only } from "./a-manager.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

const id = "pyroscope.scrape.test";

/** Ownership that the test decides: of these addresses, all others are another agent's. */
class Decided implements Ownership {
  own: readonly string[];

  constructor(own: readonly string[]) {
    this.own = own;
  }

  owns(address: string): boolean {
    return this.own.includes(address);
  }

  subscribe(): () => void {
    return () => {};
  }
}

function start(own: readonly string[] | undefined) {
  const running = aManager(() => ok(recording("allocs", 1)));
  const ownership = own && new Decided(own);
  const targetsOf = (addresses: readonly string[]) => addresses.map((address) => labelsOf({ __address__: address }));
  const args = parseScrapeArguments(only("memory"));
  return {
    ...running,
    ownership,
    /** Makes `own` this agent's of `known`. */
    share: (known: readonly string[], ofThem: readonly string[] = []): void => {
      if (ownership) ownership.own = ofThem;
      running.manager.sync(targetsOf(known), {
        id,
        args,
        infersServiceName: true,
        terms: { ...running.terms, ownership },
      });
    },
    scraped: () => new Set(running.manager.snapshot().map(({ url }) => new URL(url).host)),
    outcomes: async (outcome: string) => {
      const line = new RegExp(`pyroscope_scrape_delta_profiles_total\\{[^}]*outcome="${outcome}"\\} (\\d+)`);
      return Number(line.exec(await running.metrics.text())?.[1] ?? 0);
    },
  };
}

describe("Targets that are shared", () => {
  let running: ReturnType<typeof start>;
  afterEach(() => running.manager.close());

  test("are scraped as far as they are this agent's", async () => {
    running = start([]);
    const { share, scraped, manager, requests, clock } = running;
    share(["a:1", "b:1", "c:1"], ["a:1", "c:1"]);
    await clock.advance(15_000);
    expect(scraped()).toEqual(new Set(["a:1", "c:1"]));
    expect(requests.map(({ url }) => new URL(url).host).sort()).toEqual(["a:1", "c:1"]);
    expect(manager.share).toEqual({ knownTargets: 3, ownedTargets: 2 });
  });

  test("are known by their address at the end of the rules, port of the scheme included", async () => {
    running = start([]);
    const { manager, terms, scraped } = running;
    const rule = [{ source_labels: "host", target_label: "__address__", replacement: "$1" }];
    const args = parseScrapeArguments({ ...only("memory"), rule });
    const targets = ["b", "b:80", "c"].map((host) => labelsOf({ __address__: "a:1", host }));
    manager.sync(targets, { id, args, infersServiceName: true, terms: { ...terms, ownership: new Decided(["b:80"]) } });
    expect(scraped()).toEqual(new Set(["b"]));
    expect(manager.share).toEqual({ knownTargets: 2, ownedTargets: 1 });
  });

  test("are not scraped any more from when they are another agent's, before the loops are ended", async () => {
    running = start([]);
    const { share, ownership, requests, clock } = running;
    share(["a:1", "b:1"], ["a:1", "b:1"]);
    await clock.advance(15_000);
    expect(requests).toHaveLength(2);
    if (ownership) ownership.own = ["b:1"];
    await clock.advance(15_000);
    expect(requests.slice(2).map(({ url }) => new URL(url).host)).toEqual(["b:1"]);
  });

  test("are known by what the last plan decides them by", async () => {
    running = start([]);
    const { manager, terms, requests, clock } = running;
    const args = parseScrapeArguments(only("memory"));
    // Two ports of a pod, for the same scrape.
    const [first, second] = ["h:2", "h:1"].map((address) =>
      labelsOf({ __address__: address, __profile_memory_port__: "6060" }),
    ) as [Target, Target];
    const plan = { id, args, infersServiceName: true };
    manager.sync([first], { ...plan, terms: { ...terms, ownership: new Decided(["h:2"]) } });
    await clock.advance(15_000);
    manager.sync([first, second], { ...plan, terms: { ...terms, ownership: new Decided(["h:1"]) } });
    await clock.advance(15_000);
    expect(requests).toHaveLength(2);
  });

  test("leave the others alone when one moves", async () => {
    running = start([]);
    const { share, outcomes, clock, metrics } = running;
    share(["a:1", "b:1"], ["a:1"]);
    await clock.advance(30_000);
    share(["a:1", "b:1"], ["a:1", "b:1"]);
    await clock.advance(30_000);
    // Two first profiles: that of a at the start, and that of b after it moved here.
    expect([await outcomes("first"), await outcomes("delta")]).toEqual([2, 4]);
    expect(await metrics.total("pyroscope_scrape_moved_targets_total")).toBe(1);
  });

  test("begin anew with a baseline when they come back, because others have pushed their growth meanwhile", async () => {
    running = start([]);
    const { share, outcomes, clock, metrics } = running;
    share(["a:1"], ["a:1"]);
    await clock.advance(30_000);
    share(["a:1"], []);
    await clock.advance(30_000);
    share(["a:1"], ["a:1"]);
    await clock.advance(30_000);
    expect([await outcomes("first"), await outcomes("delta")]).toEqual([2, 2]);
    expect(await metrics.total("pyroscope_scrape_moved_targets_total")).toBe(1);
  });

  test("go on with their baseline when discovery loses them for a while and they stay this agent's", async () => {
    running = start([]);
    const { share, outcomes, clock, metrics } = running;
    share(["a:1"], ["a:1"]);
    await clock.advance(30_000);
    share([], ["a:1"]);
    await clock.advance(30_000);
    share(["a:1"], ["a:1"]);
    await clock.advance(30_000);
    expect([await outcomes("first"), await outcomes("delta")]).toEqual([1, 3]);
    expect(await metrics.total("pyroscope_scrape_moved_targets_total")).toBe(0);
  });

  test("begin anew when they were another agent's while discovery had lost them here", async () => {
    running = start([]);
    const { share, outcomes, clock, metrics } = running;
    share(["a:1"], ["a:1"]);
    await clock.advance(30_000);
    share([], ["a:1"]);
    await clock.advance(1000);
    share([], []);
    await clock.advance(1000);
    share([], ["a:1"]);
    await clock.advance(28_000);
    share(["a:1"], ["a:1"]);
    await clock.advance(30_000);
    expect([await outcomes("first"), await outcomes("delta")]).toEqual([2, 2]);
    expect(await metrics.total("pyroscope_scrape_moved_targets_total")).toBe(1);
  });

  test("are forgotten when the component ends, because others go on with them", async () => {
    running = start([]);
    const { share, clock, baselines, manager } = running;
    share(["a:1"], ["a:1"]);
    await clock.advance(30_000);
    expect(baselines.size).toBe(1);
    await manager.close();
    expect(baselines.size).toBe(0);
  });

  test("do not count as moved while the agent finds its place", async () => {
    running = start([]);
    running.share(["a:1"], []);
    running.share(["a:1"], ["a:1"]);
    expect(await running.metrics.total("pyroscope_scrape_moved_targets_total")).toBe(0);
  });
});

describe("A target that is not shared", () => {
  test("goes on with its baseline when it comes back", async () => {
    const { share, outcomes, clock, manager } = start(undefined);
    share(["a:1"]);
    await clock.advance(30_000);
    share([]);
    await clock.advance(30_000);
    share(["a:1"]);
    await clock.advance(30_000);
    expect([await outcomes("first"), await outcomes("delta")]).toEqual([1, 3]);
    expect(manager.share).toBeUndefined();
    await manager.close();
  });
});
