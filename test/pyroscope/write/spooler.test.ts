import { describe, expect, test } from "bun:test";
import type { Timer } from "../../../src/base/index.ts";
import { createMetrics } from "../../../src/observability/index.ts";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import type { StorageReason } from "../../../src/storage/index.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { createMemorySpoolLog } from "../../support/memory-spool-log.ts";
import { aSpooler } from "./an-endpoint.ts";
import { aProfile } from "./profiles.ts";

const { gatherMs } = writeLimits;

async function opened() {
  const clock = new FakeClock();
  const spool = createMemorySpoolLog(clock);
  const log = createMemoryLog();
  const metrics = createMetrics();
  const spooler = aSpooler({ clock, spool, log, metrics });
  await settle();
  return { clock, spool, spooler, log, metrics };
}

describe("a profile that two endpoints want kept", () => {
  test("is written once for both where they come one soon after the other", async () => {
    const { clock, spool, spooler } = await opened();
    const profile = aProfile();
    const first = spooler.write(profile, "a");
    await clock.advance(gatherMs - 1);
    const second = spooler.write(profile, "b");
    await clock.advance(gatherMs);
    expect([await first, await second, spool.counts.appended]).toEqual([1, 1, 1]);
    expect(spool.owners()).toEqual(["a", "b"]);
  });

  test.each([
    ["while it is being written", 500],
    ["after it was written", 2000],
  ])("is adopted by the one that comes %s", async (_, afterMs) => {
    const { clock, spool, spooler } = await opened();
    spool.delay(1000);
    const profile = aProfile();
    const first = spooler.write(profile, "a");
    await clock.advance(afterMs);
    const second = spooler.write(profile, "b");
    await clock.advance(5000);
    expect([await first, await second, spool.counts.appended]).toEqual([1, 1, 1]);
    expect(spool.owners()).toEqual(["a", "b"]);
  });

  test("is written again where the first wants it no more", async () => {
    const { clock, spool, spooler } = await opened();
    const profile = aProfile();
    const first = spooler.write(profile, "a");
    await clock.advance(gatherMs);
    spooler.settle(await first, "a");
    const second = spooler.write(profile, "b");
    await clock.advance(gatherMs);
    expect([await second, spool.counts.appended, spool.owners()]).toEqual([2, 2, ["b"]]);
  });

  test("fails for both where the disk fails", async () => {
    const { clock, spool, spooler } = await opened();
    spool.failWith("io");
    const profile = aProfile();
    const writes = Promise.allSettled([spooler.write(profile, "a"), spooler.write(profile, "b")]);
    await clock.advance(gatherMs);
    expect((await writes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(spool.counts.tried).toBe(1);
  });
});

describe("a spooler", () => {
  test("reads back what it wrote", async () => {
    const { clock, spooler } = await opened();
    const profile = aProfile({ id: "a" });
    const written = spooler.write(profile, "a");
    await clock.advance(gatherMs);
    expect(await spooler.read(await written, new AbortController().signal)).toEqual(profile);
  });

  test("tells when it is open, fails and works again", async () => {
    const clock = new FakeClock();
    const spool = createMemorySpoolLog(clock);
    spool.failWith("locked");
    const spooler = aSpooler({ clock, spool });
    const states: string[] = [];
    const unsubscribe = spooler.subscribe(() => states.push(`${spooler.failed} ${spooler.canWrite}`));
    await settle();
    expect(spooler.problem).toBe("The spool cannot be opened: locked");
    spool.failWith(undefined);
    await clock.advance(writeLimits.spoolBackoff.minMs * 2);
    unsubscribe();
    expect(states).toEqual(["true false", "false true"]);
    expect(spooler.problem).toBeUndefined();
    await spooler.close();
    expect(clock.pending).toBe(0);
  });

  test("tries a disk that failed with one profile, after pauses that grow", async () => {
    const { clock, spool, spooler } = await opened();
    spool.failWith("disk_full");
    const outcomes = Promise.allSettled([1, 2, 3].map(() => spooler.write(aProfile(), "a")));
    await clock.advance(gatherMs);
    await outcomes;
    const trials: number[] = [];
    const spoolerCanWrite = (): boolean => spooler.canWrite;
    let oneAtATime = true;
    spooler.subscribe(() => {
      if (!spooler.canWrite) return;
      trials.push(clock.monotonic());
      void spooler.write(aProfile(), "a").catch(() => {});
      oneAtATime &&= !spoolerCanWrite();
    });
    await clock.advance(10 * 60_000);
    const pauses = trials.map((atMs, index) => atMs - (trials[index - 1] ?? 0));
    const bounds = [10_000, 20_000, 40_000, ...pauses.slice(3).map(() => 60_000)];
    for (const [index, pause] of pauses.entries())
      expect(pause).toBeWithin((bounds[index] as number) / 2, (bounds[index] as number) + 2 * gatherMs);
    expect([spool.counts.tried, oneAtATime]).toEqual([3 + trials.length, true]);
  });

  test("gives a disk that hangs only so much", async () => {
    const { clock, spool, spooler } = await opened();
    spool.delay(1000);
    const half = new Uint8Array(writeLimits.spoolPendingBytes / 2);
    const told: boolean[] = [];
    spooler.subscribe(() => told.push(spooler.canWrite));
    for (const left of [true, false]) {
      void spooler.write({ ...aProfile(), data: half }, "a");
      expect(spooler.canWrite).toBe(left);
    }
    await clock.advance(1000 + gatherMs);
    expect([spooler.canWrite, told]).toEqual([true, [true]]);
  });

  test("takes a profile too large for the log for the profile's fault", async () => {
    const { clock, spool, spooler, log, metrics } = await opened();
    spool.failWith("too_large");
    const write = Promise.allSettled([spooler.write(aProfile(), "a"), spooler.write(aProfile(), "a")]);
    await clock.advance(gatherMs);
    const tooLarge = { status: "rejected", reason: { reason: "too_large" } };
    expect(await write).toMatchObject([tooLarge, tooLarge]);
    expect([spooler.failed, spooler.canWrite, spooler.problem]).toEqual([false, true, undefined]);
    expect(log.messages("warn")).toEqual(["A profile is too large to be kept on disk, it waits in memory"]);
    expect(await metrics.text()).toMatch(/spool_errors_total\{.*reason="too_large"\} 2/);
  });

  test("that is closed leaves no timer, and does not wait for a disk that hangs", async () => {
    const { clock, spool, spooler } = await opened();
    spool.failWith("io");
    const write = spooler.write(aProfile(), "a").catch(() => {});
    await clock.advance(gatherMs);
    await write;
    spool.close = () => new Promise(() => {});
    const closed = spooler.close();
    await clock.advance(writeLimits.closeMs);
    await closed;
    expect(clock.pending).toBe(0);
  });
});

describe("a disk that failed", () => {
  test("is found to work again also where nothing waits to be written", async () => {
    const { clock, spool, spooler, log } = await opened();
    spool.failWith("disk_full");
    const written = spooler.write(aProfile(), "a").catch(() => {});
    await clock.advance(gatherMs);
    await written;
    await clock.advance(10 * 60_000);
    expect([spooler.failed, spooler.problem]).toEqual([true, expect.stringContaining("disk_full")]);
    expect(spool.counts.tried).toBeWithin(10, 20);
    spool.failWith(undefined);
    await clock.advance(60_000);
    expect([spooler.failed, spooler.problem, spool.owners()]).toEqual([false, undefined, []]);
    expect(log.messages("info")).toEqual(["Queued profiles are kept on disk again"]);
    const { tried } = spool.counts;
    await clock.advance(10 * 60_000);
    expect(spool.counts.tried).toBe(tried);
    expect(log.messages("warn")).toHaveLength(1);
  });

  test("is asked once at a time: while it hangs nothing else is tried", async () => {
    const { clock, spool, spooler } = await opened();
    spool.failWith("io");
    const written = spooler.write(aProfile(), "a").catch(() => {});
    await clock.advance(gatherMs);
    await written;
    spool.delay(30 * 60_000);
    await clock.advance(20 * 60_000);
    expect([spool.counts.tried, spooler.failed, spooler.canWrite]).toEqual([2, true, false]);
  });

  test("is tried again also where timers fire a little early", async () => {
    class EarlyClock extends FakeClock {
      override after(delayMs: number, callback: () => void): Timer {
        return super.after(Math.floor(delayMs - 0.5), callback);
      }
    }
    const clock = new EarlyClock();
    const spool = createMemorySpoolLog(clock);
    spool.failWith("locked");
    const spooler = aSpooler({ clock, spool });
    await clock.advance(30 * 60_000);
    expect([spooler.failed, clock.pending]).toEqual([true, 1]);
    expect(spool.counts.tried).toBe(0);
    spool.failWith(undefined);
    await clock.advance(60_000);
    expect([spooler.failed, spooler.canWrite]).toEqual([false, true]);
  });

  test("is tried with another profile where the first was too large for it", async () => {
    const { clock, spool, spooler } = await opened();
    const write = async (reason: StorageReason | undefined): Promise<void> => {
      spool.failWith(reason);
      const written = spooler.write(aProfile(), "a").catch(() => {});
      await clock.advance(gatherMs);
      await written;
    };
    await write("io");
    spool.failWith("too_large");
    const ignore = spooler.subscribe(() => {
      ignore();
      void spooler.write(aProfile(), "a").catch(() => {});
    });
    await clock.advance(10_000 + gatherMs);
    expect([spooler.failed, spooler.canWrite, spool.counts.tried]).toEqual([true, true, 2]);
    await write(undefined);
    expect(spooler.failed).toBe(false);
  });
});

test("what is told to a spooler whose log is being opened holds for that one", async () => {
  const clock = new FakeClock();
  const spool = createMemorySpoolLog(clock);
  spool.delay(1000);
  const told: number[] = [];
  spool.applyOptions = ({ maxBytes }) => void told.push(maxBytes);
  const spooler = aSpooler({ clock, spool });
  spooler.applyOptions({ maxBytes: 17, onLost: () => {} });
  expect([told, spooler.log]).toEqual([[17], undefined]);
  await spooler.close();
});

test("a profile is kept on disk as one that has waited since it was queued, by the clock of then", async () => {
  const { clock, spool, spooler } = await opened();
  const queued = { uptimeMs: clock.uptime(), wallMs: clock.now() };
  await clock.advance(60_000);
  clock.jumpWall(3_600_000);
  const number = spooler.write(aProfile(), "a", queued);
  await clock.advance(gatherMs);
  expect(spool.ageOf(await number)).toBe(60_000 + gatherMs);
  expect(spool.appendedAtMs(await number)).toBe(queued.wallMs);
});

test("what one owner leaves another has, at once and only once", async () => {
  const { clock, spool, spooler } = await opened();
  const numbers = [spooler.write(aProfile(), "old"), spooler.write(aProfile(), "old")];
  await clock.advance(gatherMs);
  for (const number of numbers) spooler.claim(await number, "old");
  expect([spooler.bequeath("old", "new"), spooler.bequeath("old", "new")]).toEqual([2, 0]);
  expect([spool.owners(), spooler.claimed(1, "new"), spooler.claimed(2, "new")]).toEqual([["new"], true, true]);
});
