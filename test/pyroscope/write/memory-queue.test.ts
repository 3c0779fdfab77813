import { describe, expect, test } from "bun:test";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import { MemoryQueue } from "../../../src/pyroscope/write/memory-queue.ts";
import type { QueueEntry } from "../../../src/pyroscope/write/queue-entry.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { aProfile } from "./profiles.ts";

const slot = 1000 + writeLimits.entryBytes;

/** A queue with room for `slots` profiles of 1000 bytes. */
function queueOf(slots: number, maxAgeMs = 60_000) {
  const clock = new FakeClock();
  const dropped: string[] = [];
  const onDropped = ({ profile }: QueueEntry, reason: string): void => void dropped.push(`${profile?.id} ${reason}`);
  const queue = new MemoryQueue({ maxBytes: slots * slot, maxAgeMs }, { clock, onDropped });
  const add = (id: string, bytes = 1000): string => {
    const added = queue.add({ ...aProfile({ id }), data: new Uint8Array(bytes) });
    return typeof added === "string" ? added : "queued";
  };
  const takeEntry = (): QueueEntry | undefined => {
    const entry = queue.next();
    return entry && queue.take(entry);
  };
  const take = (): string | undefined => takeEntry()?.profile?.id;
  return { clock, queue, dropped, add, take, takeEntry };
}

describe("the memory of a queue", () => {
  test("gives the oldest first, each once", () => {
    const { add, take } = queueOf(3);
    for (const id of ["a", "b", "c"]) add(id);
    expect([take(), take(), take(), take()]).toEqual(["a", "b", "c", undefined]);
  });

  test("lets the oldest go when it is full", () => {
    const { queue, add, dropped } = queueOf(2);
    for (const id of ["a", "b", "c"]) expect(add(id)).toBe("queued");
    expect(dropped).toEqual(["a queue_full"]);
    expect(queue.bytes).toBe(2 * slot);
  });

  test("lets as many go as a large one needs", () => {
    const { add, dropped, queue } = queueOf(3);
    for (const id of ["a", "b", "c"]) add(id);
    add("large", 2 * slot);
    expect(dropped).toEqual(["a queue_full", "b queue_full", "c queue_full"]);
    expect(queue.size).toBe(1);
  });

  test("refuses what is larger than itself and keeps the rest", () => {
    const { add, queue, dropped } = queueOf(2);
    add("a");
    expect(add("giant", 3 * slot)).toBe("larger_than_queue");
    expect(dropped).toEqual([]);
    expect(queue.size).toBe(1);
  });

  test("never lets go what is in flight: the next oldest goes, and at last the new one is refused", () => {
    const { add, take, dropped, queue } = queueOf(2);
    add("a");
    add("b");
    take();
    expect(add("c")).toBe("queued");
    take();
    expect(add("d")).toBe("queue_full");
    expect(dropped).toEqual(["b queue_full"]);
    expect(queue.bytes).toBe(2 * slot);
  });

  test("lets nothing go for what would not fit beside the profiles in flight", () => {
    const { add, take, dropped, queue } = queueOf(4);
    for (const id of ["a", "b", "c", "d"]) add(id);
    expect([take(), take()]).toEqual(["a", "b"]);
    expect(add("large", 2 * slot)).toBe("queue_full");
    expect(dropped).toEqual([]);
    expect(queue.size).toBe(4);
    expect(add("small")).toBe("queued");
    expect(dropped).toEqual(["c queue_full"]);
  });

  test("has room again for what was in flight, once it is put back or gone", () => {
    const { add, takeEntry, queue } = queueOf(2);
    add("a");
    add("b");
    const [a, b] = [takeEntry() as QueueEntry, takeEntry() as QueueEntry];
    expect(queue.inFlightBytes).toBe(2 * slot);
    queue.putBack(a, 0);
    queue.remove(b);
    queue.remove(b);
    expect(queue.inFlightBytes).toBe(0);
    expect(add("large", slot)).toBe("queued");
    expect(queue.clear("shutdown")).toEqual({ profiles: 1, bytes: slot + writeLimits.entryBytes });
  });

  test("lets go what is too old, whenever somebody looks", async () => {
    const { add, queue, dropped, clock } = queueOf(3, 10_000);
    add("a");
    await clock.advance(6000);
    add("b");
    await clock.advance(6000);
    queue.expire();
    expect(dropped).toEqual(["a too_old"]);
  });

  test("measures age by the monotonic clock", () => {
    const { add, queue, dropped, clock } = queueOf(3, 10_000);
    add("a");
    clock.jumpWall(86_400_000);
    queue.expire();
    expect(dropped).toEqual([]);
  });

  test("gives a profile that was put back only when its time has come, and others before it", async () => {
    const { add, take, takeEntry, queue, clock } = queueOf(3);
    add("a");
    add("b");
    const a = takeEntry() as QueueEntry;
    queue.putBack(a, 5000);
    expect([take(), take()]).toEqual(["b", undefined]);
    expect(queue.nextMs()).toBe(5000);
    await clock.advance(5000);
    expect(take()).toBe("a");
  });

  test("keeps within new limits", () => {
    const { add, queue, dropped } = queueOf(3);
    for (const id of ["a", "b", "c"]) add(id);
    queue.applyLimits({ maxBytes: slot, maxAgeMs: 60_000 });
    expect(dropped).toEqual(["a queue_full", "b queue_full"]);
  });

  test("counts its bytes down to zero", () => {
    const { add, takeEntry, queue } = queueOf(3);
    for (const id of ["a", "b", "c"]) add(id);
    const a = takeEntry() as QueueEntry;
    queue.remove(a);
    queue.remove(a);
    expect(queue.clear("shutdown")).toEqual({ profiles: 2, bytes: 2 * slot });
    expect([queue.size, queue.bytes]).toEqual([0, 0]);
  });
});
