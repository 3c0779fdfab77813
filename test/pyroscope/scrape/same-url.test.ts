import { afterEach, describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import type { HttpRequest } from "../../../src/http/index.ts";
import { labelsOf, labelValue, type Profile } from "../../../src/model/index.ts";
import { createBaselineTable } from "../../../src/pyroscope/scrape/baselines.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { buildProfile, readProfile } from "../../support/profile-builder.ts";
import { recording } from "../../support/recordings.ts";
import { aManager, ok, only } from "./a-manager.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

const perSecond = 100;
const running: ReturnType<typeof aManager>[] = [];
afterEach(async () => {
  for (const each of running.splice(0)) await each.manager.close();
});

/** A process that allocates so much, whichever of its targets asks; `run` makes its targets those with these labels. */
function aProcess({ clock = new FakeClock(), baselines = createBaselineTable(clock) } = {}) {
  const allocated = (): number => Math.round(clock.monotonic() / 1000) * perSecond;
  const respond = () => ok(memoryProfile(allocated()));
  const scraping = aManager(respond, { clock, baselines });
  running.push(scraping);
  return {
    ...scraping,
    run: (targets: readonly Record<string, string>[], more: Record<string, unknown> = {}): void => {
      scraping.manager.sync(
        targets.map((labels) => labelsOf({ __address__: "a:1", ...labels })),
        {
          id: "pyroscope.scrape.test",
          args: parseScrapeArguments({ ...only("memory"), ...more }),
          infersServiceName: true,
          terms: scraping.terms,
        },
      );
    },
    pushed: (env: string): readonly number[] =>
      scraping.received.filter(({ labels }) => labelValue(labels, "env") === env).map(sumOf),
  };
}

function memoryProfile(value: number): Uint8Array {
  const sampleTypes = ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"];
  return buildProfile({ sampleTypes, samples: [{ stack: ["main"], values: [value, value, 5, 5] }] });
}

function sumOf({ data }: Profile): number {
  return Number(readProfile(gunzipSync(data)).sample[0]?.value[0]);
}

/** Without the first profile, which is zero. */
const intervals = (pushed: readonly number[]): readonly number[] => pushed.slice(1);
const interval = 15 * perSecond;

describe("targets that share a URL", () => {
  test("push the growth of each interval once when one has left and the other's loop begins anew", async () => {
    const { run, clock, pushed } = aProcess();
    run([{ env: "a" }, { env: "b" }]);
    await clock.advance(60_000);
    run([{ env: "b" }]);
    await clock.advance(1_800_000);
    run([{ env: "b" }], { scrape_timeout: "10s" });
    await clock.advance(60_000);
    expect(new Set(intervals(pushed("b")))).toEqual(new Set([interval]));
  });

  test("do so over a restart of the agent", async () => {
    const before = aProcess();
    before.run([{ env: "a" }, { env: "b" }]);
    await before.clock.advance(60_000);
    before.run([{ env: "b" }]);
    await before.clock.advance(1_800_000);
    await before.manager.close();
    const baselines = createBaselineTable(before.clock);
    baselines.restore(before.baselines.saved());
    const after = aProcess({ clock: before.clock, baselines });
    // Meanwhile it got another label.
    after.run([{ env: "b", zone: "1" }]);
    await after.clock.advance(60_000);
    const pushed = [...before.pushed("b"), ...after.pushed("b")].reduce((sum, value) => sum + value, 0);
    const allocated = Math.round(after.clock.monotonic() / 1000) * perSecond;
    expect(pushed).toBeLessThanOrEqual(allocated);
    expect(pushed).toBeGreaterThan(allocated - 2 * interval);
  });

  test("each keep the baseline of their own when all loops begin anew, in whatever order", async () => {
    const { run, clock, pushed } = aProcess();
    run([{ env: "a" }, { env: "b" }]);
    await clock.advance(60_000);
    for (const [round, timeout] of ["10s", "11s", "12s", "13s"].entries()) {
      const targets = [{ env: "a" }, { env: "b" }];
      run(round % 2 === 0 ? targets : targets.toReversed(), { scrape_timeout: timeout });
      await clock.advance(60_000);
    }
    for (const env of ["a", "b"]) expect(new Set(intervals(pushed(env)))).toEqual(new Set([interval]));
  });

  test("lose no interval when all get another label", async () => {
    const { run, clock, metrics, baselines } = aProcess();
    for (const zone of ["1", "2", "3"]) {
      run([
        { env: "a", zone },
        { env: "b", zone },
      ]);
      await clock.advance(60_000);
    }
    expect(await metrics.text()).toMatch(/delta_profiles_total\{[^}]*outcome="first"\} 2\n/);
    expect(baselines.size).toBe(2);
  });
});

describe("a target that is scraped by another URL for a while", () => {
  const of = (profile: Record<string, unknown>) => ({
    profiling_config: { profile: { ...only().profiling_config.profile, ...profile } },
  });
  const ways: [what: string, meanwhile: Record<string, unknown>][] = [
    ["has parameters", { params: { gc: ["1"] } }],
    ["computes deltas itself", of({ memory: { delta: true } })],
    ["is scraped as the same series by another type", of({ godeltaprof_memory: { enabled: true } })],
  ];
  test.each(ways)("because it %s never pushes again what it pushed then", async (_, meanwhile) => {
    const { run, clock, pushed } = aProcess();
    run([{ env: "a" }]);
    await clock.advance(60_000);
    run([{ env: "a" }], meanwhile);
    await clock.advance(600_000);
    const before = pushed("a").length;
    run([{ env: "a" }]);
    await clock.advance(60_000);
    expect(pushed("a").slice(before)).toEqual([0, interval, interval, interval]);
  });
});

describe("CPU profiles of programs behind one address", () => {
  const targets = (prefixes: readonly string[]) =>
    prefixes.map((prefix) => labelsOf({ __address__: "proxy:80", __profile_path_prefix__: prefix }));

  test("are taken side by side, whole, where each program has a path of its own", async () => {
    const clock = new FakeClock();
    const slowly = ({ url }: HttpRequest) =>
      new Promise<ReturnType<typeof ok>>((resolve) => {
        const seconds = Number(new URL(url).searchParams.get("seconds"));
        clock.after(seconds * 1000, () => resolve(ok(recording("profile", 1))));
      });
    const { manager, terms, requests } = aManager(slowly, { clock });
    const args = parseScrapeArguments(only("process_cpu"));
    const names = ["a", "b", "c", "d"];
    manager.sync(targets(names), { id: "x", args, infersServiceName: true, terms });
    await clock.advance(60_000);
    const asked = requests.map(({ url }) => `${new URL(url).pathname} ${new URL(url).searchParams.get("seconds")}`);
    expect(asked.toSorted()).toEqual(names.flatMap((name) => Array(4).fill(`/${name}/debug/pprof/profile 14`)));
    const closed = manager.close();
    await clock.advance(60_000);
    await closed;
  });
});
