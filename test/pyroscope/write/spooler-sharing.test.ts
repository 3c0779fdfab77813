import { describe, expect, test } from "bun:test";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import { type LostRecord, StorageError } from "../../../src/storage/index.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { createMemorySpoolLog } from "../../support/memory-spool-log.ts";
import { aSpooler } from "./an-endpoint.ts";
import { aProfile } from "./profiles.ts";

const { gatherMs } = writeLimits;
const full = new StorageError("disk_full", "Cannot write to the log: no inode is left");

/** A profile that "a" has kept as record 1, and "b" is about to; the log's `flush` is the test's to settle. */
async function aSharedProfile() {
  const clock = new FakeClock();
  const [spool, log] = [createMemorySpoolLog(clock), createMemoryLog()];
  const spooler = aSpooler({ clock, spool, log });
  await settle();
  const profile = aProfile();
  const first = spooler.write(profile, "a");
  await clock.advance(gatherMs);
  spooler.claim(await first, "a");
  const flushes: PromiseWithResolvers<void>[] = [];
  spool.flush = () => {
    const flush = Promise.withResolvers<void>();
    flushes.push(flush);
    return flush.promise;
  };
  const lose = (owner: string, reason: LostRecord["reason"]): void => {
    spool.settle(1, owner);
    spooler.lost({ number: 1, owner, reason, bytes: 1 });
  };
  const write = (): Promise<number> => spooler.write(profile, "b");
  return { clock, spool, log, spooler, flushes, lose, write };
}

describe("a profile on disk that a second endpoint wants kept too", () => {
  test("is not that one's to send before it knows of it", async () => {
    const { clock, spooler, flushes, write } = await aSharedProfile();
    const later = spooler.write(aProfile(), "b");
    await clock.advance(gatherMs);
    spooler.claim(await later, "b");
    const second = write();
    expect([spooler.log?.next("b"), spooler.claimed(1, "b"), spooler.claimed(2, "b")]).toEqual([1, false, true]);
    flushes[0]?.resolve();
    spooler.claim(await second, "b");
    expect(spooler.claimed(1, "b")).toBe(true);
  });

  test("is written for it alone where the journal cannot be", async () => {
    const { clock, spool, spooler, flushes, write } = await aSharedProfile();
    const second = write();
    flushes[0]?.reject(full);
    await clock.advance(gatherMs);
    expect([await second, flushes.length, spooler.failed]).toEqual([2, 1, false]);
    spooler.claim(2, "b");
    expect([spool.next("a"), spool.next("b"), spool.next("b", 2)]).toEqual([1, 2, undefined]);
  });

  test("makes the disk count as failed where it cannot be written for it either", async () => {
    const { clock, spool, spooler, flushes, write, log } = await aSharedProfile();
    const second = write().catch((error: unknown) => error);
    spool.failWith("disk_full");
    flushes[0]?.reject(full);
    await clock.advance(gatherMs);
    expect(await second).toMatchObject({ reason: "disk_full" });
    expect([spooler.failed, spool.next("b"), log.messages("warn").length]).toEqual([true, undefined, 1]);
  });

  test("waits in memory where the disk has failed meanwhile", async () => {
    const { clock, spool, spooler, flushes, write } = await aSharedProfile();
    const second = write().catch((error: unknown) => error);
    spool.failWith("io");
    const other = spooler.write(aProfile(), "a").catch(() => {});
    await clock.advance(gatherMs);
    await other;
    flushes[0]?.reject(full);
    expect([await second, spool.counts.tried]).toEqual([full, 2]);
  });

  test("does not wait for a disk that hangs", async () => {
    const { clock, spooler, flushes, write } = await aSharedProfile();
    const second = write();
    await clock.advance(writeLimits.spoolStallMs);
    expect([spooler.failed, spooler.problem]).toEqual([true, "The disk has not answered within 5s"]);
    flushes[0]?.resolve();
    expect(await second).toBe(1);
    await clock.advance(60_000);
    expect(spooler.failed).toBe(false);
  });

  test.each(["spool_full", "spool_damaged"] as const)("is told once where it is gone by then: %s", async (reason) => {
    const { flushes, spooler, lose, write } = await aSharedProfile();
    const second = write();
    lose("b", reason);
    flushes[0]?.resolve();
    const number = await second;
    expect([spooler.takeLoss(number, "b"), spooler.takeLoss(number, "b")]).toEqual([reason, undefined]);
    expect(spooler.lost({ number, owner: "a", reason, bytes: 1 })).toBe(false);
  });

  test("costs no other record of its number where it is gone and the journal cannot be written", async () => {
    const { clock, spool, spooler, flushes, lose, write } = await aSharedProfile();
    const second = write();
    lose("b", "spool_damaged");
    // Another directory is there now, and its first record is somebody's.
    spool.adopt(1, "b");
    spooler.recovered();
    flushes[0]?.reject(full);
    await clock.advance(gatherMs);
    spooler.claim(await second, "b");
    expect([spool.next("b"), spool.next("b", 1), spooler.claimed(1, "b")]).toEqual([1, 2, true]);
  });

  test("is written again where its directory was replaced: its number is another's", async () => {
    const { clock, spool, spooler, flushes, write } = await aSharedProfile();
    spooler.recovered();
    const second = write();
    await clock.advance(gatherMs);
    expect([await second, flushes.length, spool.next("b")]).toEqual([2, 0, 2]);
  });
});

describe("journals that cannot be written", () => {
  test("are said once, are the problem that is shown, and said again when they can be", async () => {
    const { spooler, log } = await aSharedProfile();
    for (let count = 0; count < 3; count++) spooler.tidied(full);
    const begins = "Cannot write down which profiles were delivered from disk, a restart may send them again";
    expect([log.messages("warn"), spooler.problem]).toEqual([[begins], `${begins}: ${full.message}`]);
    expect([spooler.failed, spooler.canWrite]).toEqual([false, true]);
    spooler.tidied(undefined);
    spooler.tidied(undefined);
    expect(spooler.problem).toBeUndefined();
    const ends = "Which profiles were delivered from disk is written down again";
    expect(log.messages("info")).toEqual([ends]);
    spooler.tidied(full);
    expect(log.messages("warn")).toEqual([begins]);
  });

  test("are said once the disk takes profiles again, where it did not at first", async () => {
    const { clock, spool, spooler, log } = await aSharedProfile();
    spool.failWith("disk_full");
    const written = spooler.write(aProfile(), "a").catch(() => {});
    await clock.advance(gatherMs);
    await written;
    spooler.tidied(full);
    expect(log.messages("warn")).toEqual(["Cannot keep queued profiles on disk, they wait in memory"]);
    spool.failWith(undefined);
    await clock.advance(60_000);
    spooler.tidied(full);
    expect(log.messages("warn")).toHaveLength(2);
  });
});
