import { describe, expect, test } from "bun:test";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import { toRecord } from "../../../src/pyroscope/write/profile-record.ts";
import type { QueueEntry } from "../../../src/pyroscope/write/queue-entry.ts";
import { type Lane, RecordQueue } from "../../../src/pyroscope/write/record-queue.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { createMemorySpoolLog } from "../../support/memory-spool-log.ts";
import { aProfile } from "./profiles.ts";

/** The queue of "main", whose records have these ages. */
function aQueue(...agesMs: readonly number[]) {
  const clock = new FakeClock();
  const log = createMemorySpoolLog(clock);
  for (const age of agesMs) log.leave(toRecord(aProfile()), { owners: ["main"], age });
  const queue = new RecordQueue(
    { maxDiskBytes: 1e9, maxAgeMs: 3e6, maxReadBytes: 1e9 },
    {
      clock,
      log: () => log,
      owner: "main",
      claimed: () => true,
      settle: (number) => log.settle(number, "main"),
      clockTrust: () => "right",
      onDropped: () => {},
    },
  );
  const take = (lane: Lane): QueueEntry => queue.take(queue.next(lane) as QueueEntry);
  const next = (lane: Lane): number | undefined => queue.next(lane)?.record;
  const wakeMs = (): number | undefined => queue.nextMs(clock.monotonic());
  return { clock, queue, take, next, wakeMs };
}

const old = 60_000;

describe("a record that waits for its time", () => {
  test("is tried at it, although the backlog was looked at in vain before it was put back", async () => {
    const { clock, queue, take, next } = aQueue(old, old);
    const [first, second] = [take("backlog"), take("backlog")];
    queue.putBack(second, 100_000);
    expect(next("backlog")).toBeUndefined();
    queue.putBack(first, 100);
    await clock.advance(100);
    expect(next("backlog")).toBe(1);
  });

  test("is tried within a second of it where it has grown old meanwhile", async () => {
    const { clock, queue, take, next, wakeMs } = aQueue(old, 4300);
    const [young, first] = [take("live"), take("backlog")];
    queue.putBack(young, 6000);
    queue.putBack(first, 100_000);
    await clock.advance(5500);
    expect([next("live"), next("backlog"), wakeMs()]).toEqual([undefined, undefined, 6000]);
    await clock.advance(500);
    expect([next("live"), next("backlog")]).toEqual([undefined, undefined]);
    const dueMs = wakeMs() as number;
    expect(dueMs).toBeWithin(6000, 6000 + writeLimits.backlogLookMs);
    await clock.advance(dueMs - clock.monotonic());
    expect(next("backlog")).toBe(2);
  });
});

test("records are tried again once the disk may be read, whatever became of the one that could not be", async () => {
  const { clock, queue, take, next, wakeMs } = aQueue(old, old);
  queue.putBackUnread(take("backlog"), 5000);
  queue.lose(1, "spool_full");
  expect([next("live"), next("backlog"), wakeMs()]).toEqual([undefined, undefined, 5000]);
  await clock.advance(5000);
  expect(next("backlog")).toBeDefined();
});
