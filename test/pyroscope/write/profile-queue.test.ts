import { describe, expect, test } from "bun:test";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import { ProfileQueue } from "../../../src/pyroscope/write/profile-queue.ts";
import { toRecord } from "../../../src/pyroscope/write/profile-record.ts";
import type { QueueEntry } from "../../../src/pyroscope/write/queue-entry.ts";
import type { RecordAge } from "../../../src/storage/index.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { createMemorySpoolLog } from "../../support/memory-spool-log.ts";
import { aProfile } from "./profiles.ts";

const owner = "main";
const old = writeLimits.liveMs + 1000;

/** A queue of the owner; entries are named "disk 1" by their number and "a" by the id of their profile. */
function aQueue(limits: { maxBytes?: number; maxDiskBytes?: number; maxAgeMs?: number } = {}) {
  const clock = new FakeClock();
  const log = createMemorySpoolLog(clock);
  const dropped: string[] = [];
  const all = { maxBytes: 1e9, maxDiskBytes: 1e9, maxAgeMs: 600_000, ...limits };
  const onDropped = (entry: QueueEntry, reason: string): void => void dropped.push(`${nameOf(entry)} ${reason}`);
  const settle = (number: number): void => log.settle(number, owner);
  const options = { clock, log: () => log, owner, claimed: () => true, clockTrust: () => "right" as const };
  const queue = new ProfileQueue(all, { ...options, settle, onDropped });
  const onDisk = (age: RecordAge = 0, bytes = 100): number =>
    log.leave(toRecord({ ...aProfile(), data: new Uint8Array(bytes) }), { owners: [owner], age });
  const add = (id: string, bytes = 100): QueueEntry =>
    queue.add({ ...aProfile({ id }), data: new Uint8Array(bytes) }) as QueueEntry;
  const take = (window = 8): string | undefined => nameOf(queue.take({ window }));
  const takeAll = (window = 8): (string | undefined)[] => {
    const taken: (string | undefined)[] = [];
    for (let name = take(window); name !== undefined; name = take(window)) taken.push(name);
    return taken;
  };
  return { clock, log, queue, dropped, onDisk, add, take, takeAll };
}

function nameOf(entry: QueueEntry | undefined): string | undefined {
  if (!entry) return undefined;
  return entry.record === undefined ? entry.profile?.id : `disk ${entry.record}`;
}

describe("the lanes of a queue", () => {
  test("give what is in memory, then young records, oldest first", () => {
    const { onDisk, add, takeAll } = aQueue();
    onDisk(3000);
    onDisk(2000);
    add("a");
    add("b");
    expect(takeAll()).toEqual(["a", "b", "disk 1", "disk 2"]);
  });

  test("give one place to the backlog, and the others to it only where nothing is live", () => {
    const { queue, onDisk, add, take } = aQueue();
    for (let count = 0; count < 6; count++) onDisk(old);
    for (const id of ["a", "b", "c"]) add(id);
    const first = queue.take({ window: 8 }) as QueueEntry;
    expect(nameOf(first)).toBe("disk 1");
    expect([take(), take()]).toEqual(["a", "b"]);
    queue.remove(first);
    expect([take(), take(), take(), take()]).toEqual(["disk 2", "c", "disk 3", "disk 4"]);
  });

  test("give every fourth turn to the backlog where one request may be in flight", () => {
    const { queue, onDisk, add } = aQueue();
    for (let count = 0; count < 3; count++) onDisk(old);
    for (const id of "abcdef") add(id);
    const turns = Array.from({ length: 8 }, () => {
      const entry = queue.take({ window: 1 }) as QueueEntry;
      queue.remove(entry);
      return nameOf(entry);
    });
    expect(turns).toEqual(["a", "b", "c", "disk 1", "d", "e", "f", "disk 2"]);
  });

  test("let a record grow old", async () => {
    const { queue, clock, onDisk, add, take } = aQueue();
    onDisk();
    queue.putBack(queue.take({ window: 8 }) as QueueEntry, 1);
    onDisk();
    await clock.advance(old);
    add("a");
    expect([take(), take(), take()]).toEqual(["disk 1", "a", "disk 2"]);
  });

  test("give each record once, also one that came from memory while it was in flight", () => {
    const { queue, log, add, take } = aQueue();
    const entry = add("a");
    expect(take()).toBe("a");
    const number = log.leave(toRecord(aProfile()), { owners: [owner], age: 0 });
    expect(queue.written(entry, number)).toBe(true);
    expect([take(), queue.memory.size, queue.disk.records]).toEqual([undefined, 0, 1]);
    expect(entry.profile?.id).toBe("a");
    queue.putBack(entry, 0);
    expect(entry.profile).toBeUndefined();
    expect(take()).toBe("disk 1");
    queue.remove(entry);
    expect([take(), log.owners()]).toEqual([undefined, []]);
  });
});

describe("a profile that has been written", () => {
  test("leaves memory at once where it is not in flight", () => {
    const { queue, log, add, take } = aQueue();
    const entry = add("a");
    queue.written(entry, log.leave(toRecord(aProfile()), { owners: [owner], age: 0 }));
    expect([queue.memory.size, queue.memory.bytes, entry.profile]).toEqual([0, 0, undefined]);
    expect(take()).toBe("disk 1");
  });

  test("is not wanted any more where it was delivered meanwhile", () => {
    const { queue, add } = aQueue();
    const entry = add("a");
    queue.remove(entry);
    expect(queue.written(entry, 1)).toBe(false);
    expect(queue.disk.records).toBe(0);
  });

  test("keeps its failures", async () => {
    const { queue, log, clock, add, take } = aQueue();
    const entry = add("a");
    take();
    entry.attempts = 2;
    entry.failures = 2;
    queue.putBack(entry, 5000);
    queue.written(entry, log.leave(toRecord(aProfile()), { owners: [owner], age: 0 }));
    expect([take(), queue.nextMs(clock.monotonic())]).toEqual([undefined, 5000]);
    await clock.advance(5000);
    expect(queue.take({ window: 8 })).toMatchObject({ record: 1, attempts: 2, failures: 2 });
  });
});

describe("records of a queue", () => {
  test.each<[string, RecordAge, string[], string[]]>([
    ["too old are dropped", 600_001, ["disk 1 too_old"], ["disk 2"]],
    ["of unknown age are dropped", "unknown", ["disk 1 unknown_age"], ["disk 2"]],
    ["whose age is not known yet wait", "not_yet", [], ["disk 2"]],
    ["as old as may be are sent", 600_000, [], ["disk 1", "disk 2"]],
  ])("that are %s", (_, age, expectedDrops, expectedOrder) => {
    const { queue, dropped, onDisk, takeAll } = aQueue();
    onDisk(age);
    onDisk(1000);
    queue.expire();
    expect(dropped).toEqual(expectedDrops);
    expect(takeAll()).toEqual(expectedOrder);
  });

  test("wait for the machine's clock, and are sent when it is set", () => {
    const { queue, log, clock, onDisk, takeAll } = aQueue();
    const early = [onDisk("not_yet"), onDisk("not_yet"), onDisk("not_yet")];
    onDisk(1000);
    expect(takeAll()).toEqual(["disk 4"]);
    expect(queue.nextMs(clock.monotonic())).toBe(clock.monotonic() + writeLimits.clockCheckMs);
    for (const number of early) log.setAge(number, 60_000);
    expect(takeAll()).toEqual(["disk 1", "disk 2", "disk 3"]);
    expect(queue.nextMs(clock.monotonic())).toBeUndefined();
  });

  test("are bounded by their bytes: the oldest go, but none in flight", () => {
    const { queue, dropped, log, onDisk, take } = aQueue();
    for (let count = 0; count < 5; count++) onDisk();
    expect(take()).toBe("disk 1");
    queue.applyLimits({ maxBytes: 1e9, maxAgeMs: 600_000, maxDiskBytes: 3 * log.bytesOf(1) });
    expect(dropped).toEqual(["disk 2 spool_full", "disk 3 spool_full"]);
    expect(queue.disk.records).toBe(3);
  });

  test("that are read back take at most half of the memory, but one always may", () => {
    const large = aQueue({ maxBytes: 10_000 });
    for (const bytes of [9000, 2000, 2000]) large.onDisk(0, bytes);
    expect(large.takeAll()).toEqual(["disk 1"]);
    const small = aQueue({ maxBytes: 10_000 });
    for (const bytes of [1000, 1000, 1000]) small.onDisk(0, bytes);
    expect(small.takeAll()).toEqual(["disk 1", "disk 2"]);
  });

  test("that failed wait for their time; others go first", async () => {
    const { queue, clock, onDisk, take } = aQueue();
    onDisk();
    onDisk();
    queue.putBack(queue.take({ window: 8 }) as QueueEntry, 5000);
    expect([take(), take(), queue.nextMs(clock.monotonic())]).toEqual(["disk 2", undefined, 5000]);
    await clock.advance(5000);
    expect(queue.nextMs(clock.monotonic())).toBeUndefined();
    expect(take()).toBe("disk 1");
  });

  test("whose time comes while others are looked for have one all the same", async () => {
    const { queue, clock, onDisk, take } = aQueue();
    onDisk();
    queue.putBack(queue.take({ window: 8 }) as QueueEntry, 5000);
    const beforeMs = clock.monotonic();
    expect(take()).toBeUndefined();
    await clock.advance(5000);
    expect(queue.nextMs(beforeMs)).toBe(5000);
  });

  test("that failed may go at once when there is a hurry", () => {
    const { queue, onDisk, take } = aQueue();
    onDisk();
    queue.putBack(queue.take({ window: 8 }) as QueueEntry, 5000);
    queue.hurry();
    expect(take()).toBe("disk 1");
  });

  test("have their failures remembered, for as many as may be; of the others one is tried at a time", async () => {
    const { queue, clock, onDisk, take } = aQueue();
    const fail = (): QueueEntry["record"] => {
      const entry = queue.take({ window: 8 });
      if (!entry) return undefined;
      entry.failures = 7;
      queue.putBack(entry, clock.monotonic() + 3_600_000);
      return entry.record;
    };
    const { failedRecords, backlogLookMs } = writeLimits;
    for (let count = 0; count < failedRecords + 3; count++) onDisk(old);
    for (let count = 0; count < failedRecords; count++) fail();
    expect([fail(), fail()]).toEqual([failedRecords + 1, undefined]);
    await clock.advance(backlogLookMs);
    expect([fail(), fail()]).toEqual([failedRecords + 2, undefined]);
    expect(queue.nextMs(clock.monotonic())).toBe(clock.monotonic() + backlogLookMs);
    // What is live is not held up by that.
    onDisk();
    expect(take()).toBe(`disk ${failedRecords + 4}`);
  });

  test("that cannot be read keep the disk from being asked for others for a while", async () => {
    const { queue, clock, onDisk, take } = aQueue();
    onDisk(old);
    onDisk(old);
    onDisk();
    queue.putBackUnread(queue.take({ window: 8 }) as QueueEntry, 5000);
    expect([take(), queue.nextMs(clock.monotonic())]).toEqual([undefined, 5000]);
    await clock.advance(5000);
    expect(new Set([take(), take(), take()])).toEqual(new Set(["disk 1", "disk 2", "disk 3"]));
  });

  test("tell how old the oldest of all is", async () => {
    const { queue, clock, onDisk, add } = aQueue();
    expect(queue.oldestAgeMs).toBeUndefined();
    add("a");
    await clock.advance(2000);
    expect(queue.oldestAgeMs).toBe(2000);
    onDisk(7000);
    expect(queue.oldestAgeMs).toBe(7000);
  });
});

describe("a probe", () => {
  test("is the smallest, in memory or on disk", () => {
    const { queue, onDisk, add } = aQueue();
    add("large", 3000);
    onDisk(old, 10);
    onDisk(0, 5000);
    const probe = queue.takeProbe({ unclear: false }) as QueueEntry;
    expect(nameOf(probe)).toBe("disk 1");
    queue.putBack(probe, 0);
    add("tiny", 1);
    expect(nameOf(queue.takeProbe({ unclear: false }))).toBe("tiny");
  });

  test("is another where the smallest may be at fault itself", () => {
    const { queue, add } = aQueue();
    add("tiny", 1);
    add("small", 10);
    add("large", 3000);
    const probes = Array.from({ length: 4 }, () => {
      const entry = queue.takeProbe({ unclear: false }) as QueueEntry;
      entry.doubts += 1;
      queue.putBack(entry, 0);
      return nameOf(entry);
    });
    expect(probes).toEqual(["tiny", "small", "large", "tiny"]);
  });

  test.each([
    ["newest of the live ones", 0, "disk 2"],
    ["oldest of the backlog", old, "disk 1"],
  ])("is looked for among so many of the %s", (_, age, best) => {
    const { queue, onDisk } = aQueue();
    onDisk(age, age === 0 ? 1 : 100);
    for (let count = 1; count < writeLimits.probeCandidates; count++) onDisk(age, 100);
    onDisk(age, age === 0 ? 100 : 1);
    expect(nameOf(queue.takeProbe({ unclear: false }))).toBe(best);
  });

  test("is looked for behind records that wait for their time, however many", () => {
    const { queue, onDisk } = aQueue();
    for (let count = 0; count < writeLimits.probeCandidates; count++) {
      onDisk(old, 1);
      queue.putBack(queue.takeProbe({ unclear: false }) as QueueEntry, 1000);
    }
    onDisk(old, 100);
    expect(nameOf(queue.takeProbe({ unclear: false }))).toBe(`disk ${writeLimits.probeCandidates + 1}`);
  });

  test("is any of the most innocent where it is unclear whose fault the last failure was", () => {
    const { queue, onDisk, add } = aQueue();
    for (const name of ["tiny", "large"]) add(name, name.length);
    onDisk(old, 100);
    add("doubted", 1).doubts = 1;
    const probes = Array.from({ length: 100 }, () => {
      const entry = queue.takeProbe({ unclear: true }) as QueueEntry;
      queue.putBack(entry, 0);
      return nameOf(entry);
    });
    expect(new Set(probes)).toEqual(new Set(["disk 1", "large", "tiny"]));
  });
});
