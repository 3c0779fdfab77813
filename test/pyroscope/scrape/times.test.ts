import { afterEach, describe, expect, test } from "bun:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { createBaselineTable } from "../../../src/pyroscope/scrape/baselines.ts";
import { collectTargetGauges } from "../../../src/pyroscope/scrape/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { buildProfile, readProfile } from "../../support/profile-builder.ts";
import { aManager, ok, only, type Respond } from "./a-manager.ts";

const atMs = Date.UTC(2030, 0, 1);
let running: ReturnType<typeof aManager> | undefined;
function start(respond: (clock: FakeClock) => ReturnType<Respond>) {
  const clock = new FakeClock(atMs);
  running = aManager(() => respond(clock), { clock });
  return running;
}
afterEach(async () => {
  await running?.manager.close();
  expect(running?.clock.pending ?? 0).toBe(0);
});

/** A profile of one stack, dated `timeMs`. */
function dated(timeMs: number, value = 1): ReturnType<typeof ok> {
  const samples = [{ stack: ["main"], values: [value, value] }];
  return ok(gzipSync(buildProfile({ samples, timeNanos: BigInt(Math.round(timeMs)) * 1_000_000n })));
}
/** A memory profile of one stack that has allocated so much. */
function grown(value: number, timeMs: number): Uint8Array {
  const samples = [{ stack: ["main"], values: [value, value] }];
  const sampleTypes = ["alloc_objects/count", "alloc_space/bytes"];
  return buildProfile({ sampleTypes, samples, timeNanos: BigInt(timeMs) * 1_000_000n });
}
const allocated = (data: Uint8Array): number => Number(readProfile(gunzipSync(data)).sample[0]?.value[0]);
const timeOf = (data: Uint8Array): number => Number(readProfile(gunzipSync(data)).timeNanos / 1_000_000n);

describe("a profile without a time", () => {
  test.each(["goroutine", "memory"])("of type %s gets that of its scrape's start, counted", async (type) => {
    let value = 0;
    const { clock, received, metrics, sync, manager } = start(() => dated(0, ++value));
    sync(["a:1"], only(type));
    await clock.advance(45_000);
    expect(received.length).toBeGreaterThanOrEqual(2);
    for (const { data, info, scrapedAtMs } of received) {
      expect(timeOf(data)).toBe(Math.round(scrapedAtMs));
      expect(info).toMatchObject({ timeMs: scrapedAtMs, rawBytes: gunzipSync(data).byteLength });
    }
    expect(await metrics.text()).toMatch(new RegExp(`scrape_untimed_profiles_total\\{[^}]*\\} ${received.length}\n`));
    expect(manager.snapshot()[0]?.clockSkewMs).toBeUndefined();
  });
});

describe("a target whose clock", () => {
  const rows: [title: string, aheadMs: number, told: string[]][] = [
    ["agrees", 0, []],
    ["is four minutes behind", -240_000, []],
    ["is two hours behind", -7_200_000, ["2 h behind"]],
    ["is ten minutes ahead", 600_000, ["10 min ahead"]],
  ];
  test.each(rows)(
    "%s keeps its time; the difference is shown, and told once where it is large",
    async (_, aheadMs, told) => {
      let value = 0;
      const { clock, clockLog, received, manager, metrics, sync } = start((now) => dated(now.now() + aheadMs, ++value));
      const stop = collectTargetGauges(metrics, {
        prefix: "pyroscope",
        id: "pyroscope.scrape.test",
        statuses: () => manager.snapshot(),
      });
      sync(["a:1"], only("goroutine", "memory"));
      await clock.advance(45_000);
      expect(received.length).toBeGreaterThanOrEqual(3);
      expect(timeOf(received[0]?.data ?? new Uint8Array())).toBe(Math.round((received[0]?.scrapedAtMs ?? 0) + aheadMs));
      expect(manager.snapshot().map(({ clockSkewMs }) => clockSkewMs)).toEqual([aheadMs, aheadMs]);
      const gauge = `pyroscope_scrape_target_clock_skew_seconds{component_id="pyroscope.scrape.test"}`;
      expect(await metrics.text()).toContain(`${gauge} ${aheadMs / 1000}\n`);
      expect(clockLog.lines.map(({ fields }) => fields["target"])).toEqual(told);
      stop();
      expect(await metrics.text()).not.toContain(gauge);
    },
  );

  test("is told again where it was right in between", async () => {
    let aheadMs = 600_000;
    const { clock, clockLog, sync } = start((now) => dated(now.now() + aheadMs));
    sync(["a:1"], only("goroutine"));
    const told: number[] = [];
    for (aheadMs of [600_000, 120_000, 600_000, 0, -600_000]) {
      await clock.advance(15_000);
      told.push(clockLog.lines.length);
    }
    expect(told).toEqual([1, 1, 1, 1, 2]);
  });

  test("shows in a component's gauge where it differs most", async () => {
    const { clock, manager, metrics, requests, sync } = start((now) => {
      const first = requests.at(-1)?.url.includes("a:1");
      return dated(now.now() + (first ? 60_000 : -90_000));
    });
    collectTargetGauges(metrics, { prefix: "pyroscope", id: "x", statuses: () => manager.snapshot() });
    sync(["a:1", "b:1"], only("goroutine"));
    await clock.advance(15_000);
    expect(await metrics.text()).toContain(`clock_skew_seconds{component_id="x"} -90\n`);
  });
});

describe("a clock that is set while a profile is being taken", () => {
  const years = atMs - 300_000;
  const rows: [title: string, startMs: number, setByMs: number][] = [
    ["from 1970 to now", 300_000, years],
    ["back by an hour", atMs, -3_600_000],
  ];
  test.each(rows)("%s moves the time that the profile had by the old clock", async (_, startMs, setByMs) => {
    const clock = new FakeClock(startMs);
    running = aManager(
      () => {
        const profile = dated(clock.now());
        clock.jumpWall(setByMs);
        return profile;
      },
      { clock },
    );
    running.sync(["a:1"], only("goroutine"));
    await clock.advance(15_000);
    const [profile] = running.received;
    expect(profile?.scrapedAtMs).toBeGreaterThan(clock.now() - 15_000);
    expect(profile?.info.timeMs).toBe(Math.round(profile?.scrapedAtMs ?? 0));
    expect(timeOf(profile?.data ?? new Uint8Array())).toBe(profile?.info.timeMs ?? 0);
    expect(running.clockLog.lines).toEqual([]);
  });

  test("is told from a machine that sleeps meanwhile", async () => {
    const clock = new FakeClock(atMs);
    running = aManager(
      () => {
        const profile = dated(clock.now());
        clock.suspend(7_200_000);
        return profile;
      },
      { clock },
    );
    running.sync(["a:1"], only("goroutine"));
    await clock.advance(15_000);
    const [profile] = running.received;
    expect(profile?.scrapedAtMs).toBeLessThan(atMs + 15_000);
    expect(profile?.info.timeMs).toBe(Math.round(profile?.scrapedAtMs ?? 0));
  });

  test("leaves the time of a target alone that has a right clock of its own", async () => {
    const clock = new FakeClock(300_000);
    running = aManager(
      () => {
        clock.jumpWall(years);
        return dated(clock.now());
      },
      { clock },
    );
    running.sync(["a:1"], only("goroutine"));
    await clock.advance(15_000);
    expect(Math.abs((running.received[0]?.info.timeMs ?? 0) - clock.now())).toBeLessThan(15_000);
  });
});

describe("a baseline of an earlier run of the machine", () => {
  const hourMs = 3_600_000;
  const rows: [title: string, passedMs: number, delta: number | undefined][] = [
    ["is used where the target's profile is at most an hour younger", hourMs, 7],
    ["is not used where it is older than that, whatever this box's clock says", hourMs + 1000, undefined],
    ["is not used where it is of a later time", -hourMs - 1000, undefined],
    ["is not used where the profile has no time", -atMs, undefined],
  ];
  test.each(rows)("%s", async (_, passedMs, delta) => {
    const memory = (value: number, timeMs: number) => ok(gzipSync(grown(value, timeMs)));
    const first = aManager(() => memory(3, atMs), { clock: new FakeClock(atMs) });
    const clock = new FakeClock(atMs);
    const baselines = createBaselineTable(clock);
    first.sync(["a:1"], only("memory"));
    await first.clock.advance(15_000);
    await first.manager.close();
    expect(baselines.restore(first.baselines.saved(), { ofEarlierBoot: true })).toBe(1);
    expect(baselines.saved()).toEqual([]);

    let [value, timeMs] = [10, atMs + passedMs];
    running = aManager(() => memory(value, timeMs), { clock, baselines });
    running.sync(["a:1"], only("memory"));
    await clock.advance(15_000);
    const sums = () => running?.received.map(({ data }) => allocated(data));
    expect(sums()).toEqual(delta === undefined ? [] : [delta]);
    [value, timeMs] = [14, timeMs + 2 * hourMs];
    await clock.advance(15_000);
    expect(sums()?.at(-1)).toBe(4);
    expect(baselines.saved()).toHaveLength(1);
  });
});

describe("the line of a profile handed on", () => {
  test("comes once the receiver has taken it, and names the profile as it is sent", async () => {
    const { clock, log, received, refuse, sync } = start((now) => dated(now.now()));
    sync(["a:1"], only("goroutine"));
    refuse(true);
    await clock.advance(15_000);
    expect(log.messages("debug")).toEqual([]);
    refuse(false);
    await clock.advance(15_000);
    const [profile] = received;
    expect(log.lines).toEqual([
      {
        level: "debug",
        message: "Profile handed on",
        fields: {
          id: profile?.id,
          url: "http://a:1/debug/pprof/goroutine",
          type: "goroutine",
          time: new Date(timeOf(profile?.data ?? new Uint8Array())),
          bytes: profile?.data.byteLength,
        },
      },
    ]);
  });
});
