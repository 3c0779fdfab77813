import { describe, expect, test } from "bun:test";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import type { PushOutcome } from "../../../src/pyroscope/write/push-outcome.ts";
import { settle } from "../../support/fake-clock.ts";
import { type MemorySpoolLog } from "../../support/memory-spool-log.ts";
import { anEndpoint, failure, held, ids, inMemory, invalid, refused, sent, leftBehind } from "./an-endpoint.ts";
import { aProfile } from "./profiles.ts";

const outage = { queue: { durability: "outage" } };
const always = { queue: { durability: "always" } };
const { gatherMs, spoolAgeMs, spoolHoldMs, spoolStallMs } = writeLimits;

/** Whether a promise has settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  const note = (): void => void (done = true);
  promise.then(note, note);
  await settle();
  return done;
}

function kept(spool: MemorySpoolLog): number {
  return spool.usage("main").records;
}

describe('an endpoint with durability "outage"', () => {
  test("writes nothing to disk while all is well", async () => {
    const { endpoint, append, clock, spool, stop } = anEndpoint(() => sent, outage);
    append("a", "b");
    await clock.advance(60_000);
    append("c");
    await clock.advance(60_000);
    expect([endpoint.snapshot().sentProfiles, spool.counts.tried]).toEqual([3, 0]);
    await stop();
    expect(spool.counts.tried).toBe(0);
  });

  test("keeps everything on disk from the first failure on, and nothing in memory", async () => {
    const { endpoint, append, clock, spool, stop } = anEndpoint(() => refused, outage);
    append("a", "b", "c");
    await clock.advance(gatherMs);
    expect(endpoint.snapshot()).toMatchObject({ state: "down", queuedProfiles: 0, queuedBytes: 0, spooledProfiles: 3 });
    append("d");
    await clock.advance(gatherMs);
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, spooledProfiles: 4 });
    expect(endpoint.snapshot().spooledBytes).toBe(spool.usage("main").bytes);
    await stop();
  });

  test("delivers what it kept, each profile once, and stays in memory from then on", async () => {
    let up = false;
    const { endpoint, attempts, append, clock, spool, stop } = anEndpoint(() => (up ? sent : refused), outage);
    append("a", "b", "c");
    await clock.advance(10_000);
    append("d");
    await clock.advance(5000);
    up = true;
    attempts.length = 0;
    await clock.advance(1000);
    expect(ids(attempts).toSorted()).toEqual(["a", "b", "c", "d"]);
    expect(endpoint.snapshot()).toMatchObject({ state: "up", sentProfiles: 4, droppedProfiles: 0, spooledProfiles: 0 });
    expect(spool.owners()).toEqual([]);
    append("e");
    await clock.advance(60_000);
    expect([endpoint.snapshot().sentProfiles, spool.counts.tried]).toEqual([5, 4]);
    await stop();
  });

  test("has on disk within 2 s what a server that hangs does not answer", async () => {
    const server = held();
    const { endpoint, append, clock, spool, stop } = anEndpoint(server.answer, outage);
    append("a");
    await clock.advance(1000);
    append("b");
    await clock.advance(spoolAgeMs - 1001);
    expect(spool.counts.tried).toBe(0);
    await clock.advance(1 + gatherMs);
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, spooledProfiles: 2, inFlight: 2 });
    append("c");
    await clock.advance(spoolAgeMs);
    expect(kept(spool)).toBe(3);
    await server.release(sent);
    expect([endpoint.snapshot().sentProfiles, kept(spool)]).toEqual([3, 0]);
    await stop();
  });

  test("goes to disk early where memory is half full", async () => {
    const server = held();
    const queue = { durability: "outage", max_memory: "6KiB", max_in_flight: 1 };
    const { append, clock, spool, dropped, stop } = anEndpoint(server.answer, { queue });
    append("a", "b");
    await clock.advance(gatherMs);
    expect(spool.counts.tried).toBe(0);
    append("c");
    await clock.advance(gatherMs);
    expect(kept(spool)).toBe(3);
    expect(await dropped("queue_full")).toBe(0);
    for (let count = 0; count < 3; count++) await server.release(sent);
    await stop();
  });

  test("sends nothing twice that is in flight while it is written, also with many of one commit", async () => {
    const server = held();
    const { endpoint, attempts, append, clock, spool, stop } = anEndpoint(server.answer, outage);
    await settle();
    const batch = Array.from({ length: 20 }, (_, index) => `p${index}`);
    spool.delay(1000);
    append(...batch);
    await clock.advance(10_000);
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, spooledProfiles: 20, inFlight: 8 });
    while (server.waiting.length > 0) await server.release(sent, 1);
    expect(ids(attempts).toSorted()).toEqual(batch.toSorted());
    expect([endpoint.snapshot().sentProfiles, spool.owners()]).toEqual([20, []]);
    await stop();
  });

  test("does not send twice what was delivered while it was written", async () => {
    let answer: PushOutcome = refused;
    const { endpoint, attempts, append, clock, spool, stop } = anEndpoint(() => answer, outage);
    spool.delay(5000);
    append("a");
    await settle();
    answer = sent;
    await clock.advance(1000);
    expect(endpoint.snapshot().sentProfiles).toBe(1);
    await clock.advance(10_000);
    expect(ids(attempts)).toEqual(["a", "a"]);
    expect([spool.counts.appended, spool.owners()]).toEqual([1, []]);
    await stop();
  });

  test("counts the failures of a profile on, when it has gone to disk", async () => {
    const { endpoint, attempts, append, clock, dropped, stop } = anEndpoint(
      ({ id }) => (id === "a" ? failure("server_error") : sent),
      { ...outage, max_backoff_retries: 3 },
    );
    append("a");
    for (let second = 0; second < 10; second++) {
      append(`good ${second}`);
      await clock.advance(1000);
    }
    expect(ids(attempts).filter((id) => id === "a")).toHaveLength(4);
    expect(await dropped("retries_exhausted")).toBe(1);
    expect(endpoint.snapshot()).toMatchObject({ spooledProfiles: 0, droppedProfiles: 1 });
    await stop();
  });

  test("drops what the server rejects from the disk too", async () => {
    let answer: PushOutcome = refused;
    const { append, clock, spool, dropped, log, stop } = anEndpoint(() => answer, outage);
    append("a");
    await clock.advance(500);
    answer = invalid;
    await clock.advance(1000);
    expect([spool.owners(), await dropped("invalid")]).toEqual([[], 1]);
    expect(log.lines.find(({ message }) => message === "Profile dropped")?.fields).toMatchObject({ id: "a" });
    await stop();
  });
});

describe('an endpoint with durability "always"', () => {
  test("accepts a profile when it is delivered, and then writes nothing", async () => {
    const server = held();
    const { endpoint, clock, spool, stop } = anEndpoint(server.answer, always);
    void endpoint.append(aProfile());
    await server.release(sent);
    const accepted = endpoint.append(aProfile());
    await clock.advance(spoolHoldMs - 1);
    expect(await settled(accepted)).toBe(false);
    await server.release(sent);
    expect(await settled(accepted)).toBe(true);
    await clock.advance(60_000);
    await stop();
    expect(spool.counts.tried).toBe(0);
  });

  test("accepts a profile when it is on disk, and pushes it meanwhile", async () => {
    const server = held();
    const { endpoint, attempts, clock, spool, stop } = anEndpoint(server.answer, always);
    await settle();
    spool.delay(300);
    const accepted = endpoint.append(aProfile({ id: "a" }));
    expect(ids(attempts)).toEqual(["a"]);
    await clock.advance(spoolHoldMs + gatherMs + 299);
    expect(await settled(accepted)).toBe(false);
    await clock.advance(1);
    expect(await settled(accepted)).toBe(true);
    expect(kept(spool)).toBe(1);
    await server.release(sent);
    expect(kept(spool)).toBe(0);
    await stop();
  });

  test("accepts a profile when it is rejected", async () => {
    const { endpoint, stop } = anEndpoint(() => invalid, always);
    expect(await settled(endpoint.append(aProfile()))).toBe(true);
    await stop();
  });

  test("accepts profiles while the disk fails", async () => {
    const { clock, spool } = leftBehind();
    spool.failWith("disk_full");
    const { endpoint, append, stop } = anEndpoint(() => refused, always, { clock, spool });
    append("a");
    await clock.advance(gatherMs);
    expect(await settled(endpoint.append(aProfile()))).toBe(true);
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 2, spooledProfiles: 0 });
    await stop();
  });

  test("accepts profiles while the disk hangs, and goes on when it does", async () => {
    const server = held();
    const { endpoint, clock, spool, log, stop } = anEndpoint(server.answer, always);
    await settle();
    spool.delay(20_000);
    const accepted = endpoint.append(aProfile());
    await clock.advance(spoolHoldMs + gatherMs + spoolStallMs - 1);
    expect(await settled(accepted)).toBe(false);
    await clock.advance(1);
    expect(await settled(accepted)).toBe(true);
    expect(await settled(endpoint.append(aProfile()))).toBe(true);
    expect(endpoint.snapshot().spoolProblem).toBe("The disk has not answered within 5s");
    spool.delay(0);
    await clock.advance(20_000);
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, spooledProfiles: 2 });
    expect(log.messages("info")).toContain("Queued profiles are kept on disk again");
    await server.release(sent);
    await stop();
  });

  test("accepts profiles while what an earlier process left takes long to be read", async () => {
    const { clock, spool } = leftBehind(60_000);
    spool.delay(20_000);
    const { endpoint, attempts, stop } = anEndpoint(() => refused, always, { clock, spool });
    const accepted = endpoint.append(aProfile({ id: "a" }));
    await clock.advance(spoolStallMs);
    expect(await settled(accepted)).toBe(true);
    await clock.advance(60_000);
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, spooledProfiles: 2 });
    expect(attempts.length).toBeGreaterThan(2);
    await stop();
  });

  test("accepts what it waited with, once nothing is to be kept on disk any more", async () => {
    const server = held();
    const { endpoint, clock, spool, pusherOf, stop } = anEndpoint(server.answer, always);
    await settle();
    spool.delay(60_000);
    const accepted = endpoint.append(aProfile());
    await clock.advance(gatherMs);
    endpoint.applyPusher(pusherOf(inMemory()));
    expect(await settled(accepted)).toBe(true);
    await server.release(sent);
    await stop();
  });
});

test('an endpoint with durability "memory" writes nothing to disk, whatever happens', async () => {
  const { append, clock, spool, dropped, stop } = anEndpoint(() => refused);
  append("a", "b");
  await clock.advance(60_000);
  await stop();
  expect([spool.counts.tried, await dropped("shutdown")]).toEqual([0, 2]);
});

test("a changed durability takes effect at once", async () => {
  let up = false;
  const { endpoint, append, clock, spool, pusherOf, stop } = anEndpoint(() => (up ? sent : refused));
  append("a");
  await clock.advance(5000);
  endpoint.applyPusher(pusherOf(inMemory(outage)));
  await clock.advance(2000);
  expect(kept(spool)).toBe(1);
  endpoint.applyPusher(pusherOf(inMemory()));
  append("b");
  await clock.advance(5000);
  expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 1, spooledProfiles: 1 });
  up = true;
  await clock.advance(2000);
  expect(endpoint.snapshot()).toMatchObject({ sentProfiles: 2, queuedProfiles: 0, spooledProfiles: 0 });
  await stop();
});

test("a smaller max_disk lets the oldest go at once", async () => {
  const { endpoint, append, clock, spool, pusherOf, dropped, stop } = anEndpoint(() => refused, outage);
  append("a", "b", "c");
  await clock.advance(gatherMs);
  const max_disk = `${spool.bytesOf(1) * 2}B`;
  endpoint.applyPusher(pusherOf(inMemory({ queue: { durability: "outage", max_disk } })));
  expect([await dropped("spool_full"), kept(spool)]).toEqual([1, 2]);
  await stop();
});

describe("what to do about a dropped profile", () => {
  test("is in its line and in the status, for an hour", async () => {
    const queue = { durability: "outage", max_disk: "2KiB" };
    const { endpoint, append, clock, log, dropped, stop } = anEndpoint(() => refused, { queue });
    await settle();
    for (const id of ["a", "b", "c", "d", "e", "f", "g", "h"]) {
      append(id);
      await clock.advance(3000);
    }
    expect(await dropped("spool_full")).toBeGreaterThan(0);
    const advice = expect.stringContaining("raise queue.max_disk (now 2KiB)") as string;
    const lines = log.lines.filter(({ message }) => message === "Profile dropped");
    expect(lines).toMatchObject([{ fields: { reason: "spool_full", advice } }]);
    expect(endpoint.snapshot().dropAdvice).toEqual(advice);
    await clock.advance(20 * 60_000);
    expect(endpoint.snapshot().dropAdvice).toEqual(advice);
    await clock.advance(50 * 60_000);
    expect(endpoint.snapshot().dropAdvice ?? "").not.toContain("max_disk");
    await stop();
  });

  test("is what the server said last where it spoke", async () => {
    const { endpoint, append, clock, stop } = anEndpoint(() => invalid);
    append("a");
    await clock.advance(1000);
    expect(endpoint.snapshot()).toMatchObject({
      lastDropMessage: invalid.message,
      dropAdvice: expect.stringContaining("its words") as string,
    });
    await stop();
  });
});
