import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import { AgentError } from "../../../src/base/index.ts";
import { ProfileSchema } from "../../../src/gen/google/v1/profile_pb.ts";
import type { HttpRequest, HttpResponse } from "../../../src/http/index.ts";
import { labelsOf, labelValue } from "../../../src/model/index.ts";
import { collectTargetGauges } from "../../../src/pyroscope/scrape/metrics.ts";
import { buildProfile } from "../../support/profile-builder.ts";
import { aManager, answer, ok, only, type Respond } from "./a-manager.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

const recording = (name: string): Uint8Array =>
  readFileSync(new URL(`../../fixtures/recordings/${name}`, import.meta.url));
const goroutines = recording("goroutine.1.pb.gz");

/** Sum of `alloc_space`, decoded by protobuf-es. */
function allocated(data: Uint8Array): bigint {
  const { sample, sampleType, stringTable } = fromBinary(ProfileSchema, gunzipSync(data));
  const column = sampleType.findIndex(({ type }) => stringTable[Number(type)] === "alloc_space");
  return sample.reduce((sum, { value }) => sum + (value[column] ?? 0n), 0n);
}

/** Resolves after `delayMs` of the test's clock, or when the request is canceled. */
function slowly(delayMs: number, { signal }: HttpRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    running?.clock.after(delayMs, resolve);
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
  await running?.clock.advance(60_000);
  expect(running?.clock.pending ?? 0).toBe(0);
  running = undefined;
});

describe("a scrape loop", () => {
  test("scrapes once in every interval, the first within the first", async () => {
    const { clock, requests, received, sync } = start(() => ok(goroutines));
    sync(["a:1", "b:1"], only("goroutine"));
    await clock.advance(15_000);
    expect(requests.map(({ url }) => url).sort()).toEqual([
      "http://a:1/debug/pprof/goroutine",
      "http://b:1/debug/pprof/goroutine",
    ]);
    await clock.advance(150_000);
    expect(requests).toHaveLength(22);
    expect(received).toHaveLength(22);
    expect(received[0]?.data).toBe(goroutines);
  });

  test("never overlaps itself, and counts the ticks that it ran over", async () => {
    let inFlight = 0;
    let most = 0;
    const { clock, metrics, requests, sync } = start(async (request) => {
      most = Math.max(most, ++inFlight);
      await slowly(40_000, request);
      inFlight--;
      return ok(goroutines);
    });
    sync(["a:1"], only("goroutine"));
    await clock.advance(15_000 + 89_000);
    expect(most).toBe(1);
    expect(requests.length).toBeLessThan(4);
    expect(await metrics.text()).toMatch(
      /pyroscope_scrape_skipped_total\{component_id="pyroscope.scrape.test",reason="slow_scrape"\} 4/,
    );
  });

  test("shows what went wrong until a scrape succeeds, and logs it once", async () => {
    const replies = [answer(404, "404 page not found"), answer(404, "404 page not found"), ok(goroutines)];
    const { clock, log, manager, sync } = start(() => replies.shift() ?? ok(goroutines));
    sync(["a:1"], only("goroutine"));
    expect(manager.snapshot()[0]?.health).toBe("unknown");
    await clock.advance(30_000);
    expect(manager.snapshot()[0]).toMatchObject({ health: "down", lastErrorReason: "http_4xx" });
    expect(manager.snapshot()[0]?.lastError).toContain("404 page not found");
    await clock.advance(15_000);
    const status = manager.snapshot()[0];
    expect(status).toMatchObject({ health: "up", lastSuccessMs: status?.lastScrapeMs });
    expect(status?.lastError).toBeUndefined();
    expect(log.messages("warn")).toEqual(["Scrape failed"]);
    expect(log.messages("info")).toEqual(["Scrape works again"]);
  });

  test("takes only a profile with status 200 for a success", async () => {
    const cases: [reply: HttpResponse, reason: string][] = [
      [{ ...ok(goroutines), status: 201 }, "http_other"],
      [ok(new Uint8Array()), "empty"],
      [answer(200, "<html>login</html>"), "not_pprof"],
      [ok(goroutines.subarray(0, 500)), "truncated"],
      [ok(gzipSync(new Uint8Array(2_000_000))), "too_large"],
      [answer(500, "oops"), "http_5xx"],
    ];
    for (const [reply, reason] of cases) {
      const { clock, manager, received, sync } = start(() => reply);
      sync(["a:1"], only("goroutine"));
      await clock.advance(15_000);
      expect([manager.snapshot()[0]?.lastErrorReason, received.length]).toEqual([reason, 0]);
      await manager.close();
    }
  });
});

describe("a loop of cumulative profiles", () => {
  test("sends deltas that add up, the interval that a receiver refused included", async () => {
    let scrape = 0;
    const { clock, received, refuse, sync } = start(() => ok(recording(`allocs.${Math.min(++scrape, 10)}.pb.gz`)));
    sync(["a:1"], only("memory"));
    await clock.advance(15_000);
    refuse(true);
    await clock.advance(45_000);
    expect(received).toHaveLength(1);
    refuse(false);
    await clock.advance(90_000);
    const delta = received.reduce((sum, { data }) => sum + allocated(data), 0n);
    expect(delta).toBe(allocated(recording("allocs.10.pb.gz")) - allocated(recording("allocs.1.pb.gz")));
    expect(delta).toBeGreaterThan(0n);
    for (const { labels } of received) expect(labelValue(labels, "__delta__")).toBe("false");
  });

  test("counts growth once while its timeout and its labels change to and fro", async () => {
    let scrape = 0;
    const { clock, received, requests, sync } = start(() => ok(recording(`allocs.${Math.min(++scrape, 10)}.pb.gz`)));
    const configs = [{}, { scrape_timeout: "20s" }, { job_name: "renamed" }, {}, { scrape_interval: "15001ms" }];
    for (let round = 0; round < 10; round++) {
      sync(["a:1"], { ...only("memory"), ...configs[round % configs.length] });
      while (requests.length === round) await clock.advance(100);
    }
    const delta = received.reduce((sum, { data }) => sum + allocated(data), 0n);
    expect(delta).toBe(allocated(recording("allocs.10.pb.gz")) - allocated(recording("allocs.1.pb.gz")));
  });

  test("does not take a receiver that refuses for several processes", async () => {
    const names = ["allocs.9", "allocs.2", "allocs.2", "allocs.2", "allocs.2", "allocs.2", "allocs.3"];
    let scrape = 0;
    const { clock, log, received, refuse, sync } = start(() => ok(recording(`${names[scrape++] ?? "allocs.3"}.pb.gz`)));
    sync(["a:1"], only("memory"));
    await clock.advance(15_000);
    refuse(true);
    await clock.advance(75_000);
    refuse(false);
    await clock.advance(15_000);
    expect(received).toHaveLength(2);
    expect(allocated(received[1]?.data ?? new Uint8Array())).toBe(allocated(recording("allocs.3.pb.gz")));
    expect(log.messages("warn")).toEqual([]);
  });

  test("withholds the deltas of several processes behind one address, says why, and sends them again", async () => {
    let turn = 0;
    let several = true;
    // Each process grows, has stacks of its own, and another share in the common one.
    const grown = (who: number, turns: number): Uint8Array =>
      buildProfile({
        sampleTypes: ["alloc_objects/count", "alloc_space/bytes", "inuse_space/bytes"],
        samples: [
          ...[100, 200, 300].map((own) => ({ stack: [own + who], values: [10 + turns, 1000 + turns, 5] })),
          { stack: [7], values: [(who === 0 ? 50 : 5) + turns, (who === 0 ? 5000 : 500) + turns, 5] },
        ],
      });
    const { clock, log, manager, metrics, received, sync } = start(() => ok(grown(several ? turn % 2 : 1, turn++)));
    sync(["a:1"], only("memory"));
    await clock.advance(15_000 * 3);
    // The first profile, the jump to the other process; the return of the first gives the two away.
    expect(received.map(({ data }) => allocated(data) > 0n)).toEqual([false, true, false]);
    await clock.advance(15_000 * 7);
    expect(manager.snapshot()[0]?.deltaWithheld).toContain("several processes");
    expect(allocated(received.at(-1)?.data ?? new Uint8Array())).toBe(0n);
    expect(await metrics.text()).toMatch(/scrape_delta_profiles_total\{[^}]*outcome="withheld"\} [1-9]/);
    several = false;
    await clock.advance(15_000 * 10);
    expect(manager.snapshot()[0]?.deltaWithheld).toBeUndefined();
    expect(log.messages("warn")).toHaveLength(1);
    expect(log.messages("info")).toContain("Deltas are sent again");
  });

  test("counts a process that crashes again and again from zero each time", async () => {
    let scrape = 0;
    const lives = ["allocs.8", "allocs.9", "allocs.1", "allocs.2", "allocs.3", "allocs.1", "allocs.2", "allocs.3"];
    const { clock, log, received, sync } = start(() => ok(recording(`${lives[scrape++ % lives.length]}.pb.gz`)));
    sync(["a:1"], only("memory"));
    await clock.advance(15_000 * 8);
    expect(log.messages("warn")).toEqual([]);
    expect(allocated(received[5]?.data ?? new Uint8Array())).toBe(allocated(recording("allocs.1.pb.gz")));
  });

  test("keeps its baseline while the target flaps", async () => {
    let scrape = 0;
    const { clock, metrics, sync } = start(() => ok(recording(`allocs.${Math.min(++scrape, 10)}.pb.gz`)));
    sync(["a:1"], only("memory"));
    await clock.advance(15_000);
    sync([], only("memory"));
    await clock.advance(15_000);
    sync(["a:1"], only("memory"));
    await clock.advance(15_000);
    const text = await metrics.text();
    expect(text).toMatch(/scrape_delta_profiles_total\{.*outcome="first"\} 1/);
    expect(text).toMatch(/scrape_delta_profiles_total\{.*outcome="delta"\} 1/);
  });
});

describe("a loop of CPU profiles", () => {
  const busy = () => answer(500, "Could not enable CPU profiling: cpu profiling already in use");

  test("tries once more where another client is profiling, for as long as the interval leaves", async () => {
    const starts: number[] = [];
    const { clock, requests, received, sync } = start(() => {
      starts.push(running?.clock.monotonic() ?? 0);
      return starts.length === 1 ? busy() : ok(recording("profile.1.pb.gz"));
    });
    sync(["a:1"], only("process_cpu"));
    while (requests.length < 2) await clock.advance(100);
    const [first = 0, second = 0] = requests.map(({ url }) => Number(new URL(url).searchParams.get("seconds")));
    expect(first).toBe(14);
    expect(second).toBeGreaterThanOrEqual(1);
    const [firstMs = 0, secondMs = 0] = starts;
    expect(secondMs).toBeGreaterThan(firstMs);
    expect(secondMs + second * 1000).toBeLessThanOrEqual(firstMs + 15_000);
    expect(received).toHaveLength(1);
  });

  test("are left out and counted where the process stays busy, which says nothing about the target's health", async () => {
    let taken = false;
    const { clock, log, manager, metrics, sync } = start(() => (taken ? busy() : ok(recording("profile.1.pb.gz"))));
    sync(["a:1"], only("process_cpu"));
    await clock.advance(29_000);
    taken = true;
    await clock.advance(46_000);
    expect(manager.snapshot()[0]).toMatchObject({ health: "up", lastErrorReason: "cpu_busy" });
    expect(await metrics.text()).toMatch(/scrape_skipped_total\{[^}]*reason="cpu_busy"\} [23]/);
    expect(log.messages("warn")).toEqual(["CPU profile skipped"]);
    for (let round = 0; round < 10; round++) {
      taken = !taken;
      await clock.advance(46_000);
    }
    expect([log.messages("warn"), log.messages("info")]).toEqual([["CPU profile skipped"], ["Scrape works again"]]);
  });

  test("that are never to be had show why, without a success and without blame on the target", async () => {
    const { clock, manager, sync } = start(busy);
    sync(["a:1"], only("process_cpu"));
    await clock.advance(150_000);
    const [status] = manager.snapshot();
    expect(status).toMatchObject({ health: "unknown", lastErrorReason: "cpu_busy" });
    expect(status?.lastError).toContain("is a second scraper active?");
    expect(status?.lastSuccessMs).toBeUndefined();
  });

  test("last as long as the user says, even longer than the interval", async () => {
    const { clock, requests, sync } = start(async (request) => {
      await slowly(20_000, request);
      return ok(recording("profile.1.pb.gz"));
    });
    sync(["a:1"], { ...only("process_cpu"), params: { seconds: ["20"] } });
    await clock.advance(90_000);
    expect(requests.length).toBeGreaterThanOrEqual(2);
    for (const { url } of requests) expect(new URL(url).searchParams.getAll("seconds")).toEqual(["20"]);
  });

  test("of one process never run side by side, whatever labels the targets carry", async () => {
    let inFlight = 0;
    let most = 0;
    const { clock, manager, terms, requests } = start(async (request) => {
      most = Math.max(most, ++inFlight);
      await slowly(Number(new URL(request.url).searchParams.get("seconds")) * 1000, request);
      inFlight--;
      return ok(recording("profile.1.pb.gz"));
    });
    const args = parseScrapeArguments({ ...only("process_cpu"), delta_profiling_duration: "6s" });
    const targets = ["x", "y"].map((team) => labelsOf({ __address__: "a:1", team }));
    manager.sync(targets, { id: "pyroscope.scrape.test", args, infersServiceName: true, terms });
    await clock.advance(60_000);
    expect(most).toBe(1);
    expect(requests.length).toBeGreaterThanOrEqual(6);
  });
});

describe("targets that share an address", () => {
  const prefixes = ({ manager, terms }: ReturnType<typeof aManager>) => {
    const targets = ["good", "bad"].map((prefix) => labelsOf({ __address__: "a:1", __profile_path_prefix__: prefix }));
    const args = parseScrapeArguments(only("goroutine"));
    manager.sync(targets, { id: "pyroscope.scrape.test", args, infersServiceName: true, terms });
  };

  test("are told apart in the log, and the one that is down shows in the gauge", async () => {
    const scraping = start(({ url }) => (url.includes("bad") ? answer(404, "") : ok(goroutines)));
    const { clock, log, manager, metrics } = scraping;
    const stop = collectTargetGauges(metrics, {
      prefix: "pyroscope",
      id: "pyroscope.scrape.test",
      statuses: () => manager.snapshot(),
    });
    prefixes(scraping);
    await clock.advance(150_000);
    expect(log.messages("warn")).toEqual(["Scrape failed"]);
    expect(log.messages("info")).toEqual([]);
    expect(await metrics.text()).toMatch(/pyroscope_scrape_target_up\{[^}]*instance="a:1",type="goroutine"\} 0/);
    stop();
    expect(await metrics.text()).not.toMatch(/pyroscope_scrape_target_up\{/);
  });
});

describe("ScrapeManager", () => {
  test("leaves unchanged loops alone, stops those that are gone and cancels their request", async () => {
    const aborted: string[] = [];
    const { clock, manager, requests, sync } = start(({ url, signal }) => {
      if (url.includes("b:1"))
        return new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            aborted.push(url);
            reject(new AgentError("canceled", "Canceled"));
          }),
        );
      return ok(goroutines);
    });
    sync(["a:1", "b:1"], only("goroutine"));
    await clock.advance(15_000);
    const before = manager.snapshot().find(({ url }) => url.includes("a:1"));
    sync(["a:1", "c:1"], only("goroutine"));
    await clock.advance(0);
    expect(aborted).toEqual(["http://b:1/debug/pprof/goroutine"]);
    expect(manager.snapshot().find(({ url }) => url.includes("a:1"))?.nextScrapeMs).toBe(before?.nextScrapeMs ?? 0);
    await clock.advance(15_000);
    expect(requests.filter(({ url }) => url.includes("c:1"))).toHaveLength(1);
    expect(
      manager
        .snapshot()
        .map(({ url }) => new URL(url).host)
        .sort(),
    ).toEqual(["a:1", "c:1"]);
  });

  test("runs equal targets once and skips bad ones without touching their neighbours", async () => {
    const { clock, log, manager, metrics, sync } = start(() => ok(goroutines));
    sync(["a:1", "a:1", "bad/address"], only("goroutine"));
    await clock.advance(15_000);
    expect(manager.snapshot()).toHaveLength(1);
    sync(["a:1", "a:1", "bad/address"], only("goroutine"));
    expect(log.messages("warn")).toEqual(["Targets skipped"]);
    expect(await metrics.text()).toMatch(/scrape_targets_skipped_total\{[^}]*reason="bad_address"\} 1\n/);
  });
});
