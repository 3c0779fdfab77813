import { describe, expect, test } from "bun:test";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import type { PushOutcome } from "../../../src/pyroscope/write/push-outcome.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { createMemorySpoolLog, type MemorySpoolLog } from "../../support/memory-spool-log.ts";
import { anEndpoint, failure, held, ids, invalid, refused, sent, unavailable, leftBehind } from "./an-endpoint.ts";
import { aProfile } from "./profiles.ts";

const outage = { queue: { durability: "outage" } };
const { gatherMs, spoolHoldMs } = writeLimits;

function kept(spool: MemorySpoolLog): number {
  return spool.usage("main").records;
}

describe("a disk that fails", () => {
  test("is said once, and leaves the profiles in memory until it works again", async () => {
    const { endpoint, append, clock, spool, log, metrics, stop } = anEndpoint(() => refused, outage);
    await settle();
    spool.failWith("disk_full");
    append("a", "b");
    await clock.advance(4 * 60_000);
    expect(endpoint.snapshot()).toMatchObject({
      queuedProfiles: 2,
      spooledProfiles: 0,
      spoolProblem: "The spool cannot be written: disk_full",
    });
    const warnings = log.lines.filter(({ message }) => message.startsWith("Cannot keep queued profiles on disk"));
    expect(warnings.map(({ level, fields }) => [level, fields["reason"]])).toEqual([["warn", "disk_full"]]);
    // Both at first, then one at a time: after 5, 10, 20, 40, 60, 60 s at the most, and half of that at the least.
    expect(spool.counts.tried).toBeWithin(6, 14);
    expect(await metrics.text()).toContain(
      `pyroscope_write_spool_errors_total{component_id="w",reason="disk_full"} ${spool.counts.tried}\n`,
    );
    spool.failWith(undefined);
    await clock.advance(61_000);
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, spooledProfiles: 2 });
    expect(endpoint.snapshot()).not.toHaveProperty("spoolProblem");
    expect(log.messages("info")).toContain("Queued profiles are kept on disk again");
    await stop();
  });

  test("from the start is opened again and again", async () => {
    const { clock, spool } = leftBehind(1000);
    spool.failWith("locked");
    const { endpoint, append, stop } = anEndpoint(() => sent, outage, { clock, spool });
    append("a");
    await clock.advance(1000);
    expect(endpoint.snapshot()).toMatchObject({ sentProfiles: 1, spooledProfiles: 0 });
    spool.failWith(undefined);
    await clock.advance(10_000);
    expect(endpoint.snapshot()).toMatchObject({ sentProfiles: 2, spooledProfiles: 0 });
    await stop();
  });

  test("leaves the bound of memory in force", async () => {
    const queue = { durability: "outage", max_memory: "3KiB" };
    const { endpoint, append, clock, spool, dropped, stop } = anEndpoint(() => refused, { queue });
    spool.failWith("read_only");
    for (const id of ["a", "b", "c", "d"]) {
      append(id);
      await settle();
    }
    await clock.advance(1000);
    expect(endpoint.snapshot().queuedProfiles).toBe(2);
    expect(await dropped("queue_full")).toBe(2);
    await stop();
  });
});

describe("a record that the log lets go while it is in flight", () => {
  test.each<[string, PushOutcome, object]>([
    ["counts as sent where it is delivered", sent, { sentProfiles: 1, droppedProfiles: 0 }],
    ["counts as dropped where it is not", refused, { sentProfiles: 0, droppedByReason: { spool_full: 1 } }],
    ["has one reason", invalid, { sentProfiles: 0, droppedByReason: { invalid: 1 } }],
  ])("%s", async (_, outcome, expected) => {
    const { clock, spool } = leftBehind(1000);
    const { answer, waiting, release } = held();
    const { endpoint, stop } = anEndpoint(answer, outage, { clock, spool });
    await settle();
    expect(waiting).toHaveLength(1);
    spool.lose({ number: 1, owner: "main", reason: "spool_full", bytes: 10 });
    expect(endpoint.snapshot()).toMatchObject({ sentProfiles: 0, droppedProfiles: 0 });
    await release(outcome);
    expect(endpoint.snapshot()).toMatchObject({ ...expected, inFlight: 0 });
    await stop();
  });

  test("counts as dropped where its push is cut short by the end", async () => {
    const { clock, spool } = leftBehind(1000);
    const { answer, release } = held();
    const { stop, dropped } = anEndpoint(answer, outage, { clock, spool });
    await settle();
    spool.lose({ number: 1, owner: "main", reason: "spool_full", bytes: 10 });
    const stopped = stop();
    await settle();
    await release(failure("canceled"));
    await stopped;
    expect(await dropped("spool_full")).toBe(1);
  });
});

describe("at the end an endpoint that may write to disk", () => {
  const slowly = { min_backoff_period: "1m", max_backoff_period: "1m", ...outage };

  test("and is down ends at once, with everything on disk and nothing dropped", async () => {
    const { endpoint, attempts, append, end, ended, clock, spool, spooler, log } = anEndpoint(() => refused, slowly);
    append("a", "b");
    await settle();
    end.abort();
    await clock.advance(gatherMs);
    await ended;
    expect(ids(attempts)).toEqual(["a", "b"]);
    expect([endpoint.snapshot().droppedProfiles, kept(spool)]).toEqual([0, 2]);
    expect(log.lines.at(-1)).toMatchObject({
      level: "info",
      message: "Profiles are kept on disk for when the component runs again",
      fields: { profiles: 2, bytes: spool.usage("main").bytes },
    });
    await spooler.close();
    expect(clock.pending).toBe(0);
  });

  test("and has taken nothing yet ends at once too, when a push fails", async () => {
    const { endpoint, append, end, ended, clock } = anEndpoint(() => unavailable, {
      ...outage,
      max_backoff_retries: 0,
    });
    append("a");
    await clock.advance(spoolHoldMs + gatherMs);
    end.abort();
    await ended;
    expect(endpoint.snapshot()).toMatchObject({ state: "unknown", spooledProfiles: 1, droppedProfiles: 0 });
  });

  test("and is up writes what is queued, and goes on pushing as long as there is time", async () => {
    const server = held();
    const queue = { durability: "outage", max_in_flight: 1 };
    const { endpoint, append, end, ended, clock, spool } = anEndpoint(server.answer, { queue });
    append("a", "b", "c");
    end.abort();
    await clock.advance(gatherMs);
    expect(kept(spool)).toBe(3);
    await server.release(sent);
    await server.release(sent);
    await clock.advance(writeLimits.drainMs);
    await server.release(failure("canceled", { fault: "endpoint" }));
    await ended;
    expect(endpoint.snapshot()).toMatchObject({ sentProfiles: 2, droppedProfiles: 0, spooledProfiles: 1 });
  });

  test("and whose disk fails tries once more, and counts what is lost", async () => {
    const { attempts, append, end, ended, clock, spool, dropped } = anEndpoint(() => refused, slowly);
    await settle();
    spool.failWith("disk_full");
    append("a", "b");
    await clock.advance(1000);
    end.abort();
    await clock.advance(gatherMs);
    await ended;
    expect(attempts.length).toBeGreaterThan(2);
    expect(await dropped("shutdown")).toBe(2);
  });

  test("and whose disk hangs ends in time", async () => {
    const { append, end, ended, clock, spool, dropped } = anEndpoint(() => refused, slowly);
    await settle();
    spool.delay(3_600_000);
    append("a");
    await clock.advance(1000);
    end.abort();
    await clock.advance(writeLimits.drainMs);
    await ended;
    expect(await dropped("shutdown")).toBe(1);
  });

  test("and whose disk is late counts as dropped what it keeps all the same", async () => {
    const { append, end, ended, clock, spool, spooler, dropped } = anEndpoint(() => refused, slowly);
    await settle();
    spool.delay(writeLimits.drainMs + 10_000);
    append("a");
    await clock.advance(gatherMs);
    end.abort();
    await clock.advance(writeLimits.drainMs);
    await ended;
    expect([await dropped("shutdown"), kept(spool)]).toEqual([1, 0]);
    await clock.advance(10_000);
    expect([kept(spool), spooler.claimed(1, "main")]).toEqual([1, true]);
  });
});

describe("the probe of an endpoint that is down", () => {
  test("is the smallest profile on disk", async () => {
    const { endpoint, attempts, clock, stop } = anEndpoint(() => refused, outage);
    for (const [id, padding] of [
      ["large", 5000],
      ["small", 10],
      ["larger", 9000],
    ] as const)
      void endpoint.append(aProfile({ id, padding }));
    await clock.advance(5000);
    expect(new Set(ids(attempts).slice(3))).toEqual(new Set(["small"]));
    await stop();
  });

  test("is another one each time where it may be the profile, so that poison keeps no endpoint down", async () => {
    let up = false;
    const answer = ({ id }: { readonly id: string }): PushOutcome => {
      if (id.startsWith("poison")) return failure("server_error");
      return up ? sent : unavailable;
    };
    const { endpoint, append, clock, dropped, stop } = anEndpoint(answer, { ...outage, max_backoff_retries: 2 });
    for (let count = 0; count < 5; count++) append(`poison ${count}`);
    for (let count = 0; count < 5; count++) void endpoint.append(aProfile({ id: `good ${count}`, padding: 500 }));
    await clock.advance(1000);
    expect(endpoint.snapshot().state).toBe("down");
    up = true;
    await clock.advance(10_000);
    expect(endpoint.snapshot().sentProfiles).toBe(5);
    for (let count = 0; count < 20; count++) {
      append(`fresh ${count}`);
      await clock.advance(5000);
    }
    expect(endpoint.snapshot()).toMatchObject({ state: "up", sentProfiles: 25, spooledProfiles: 0 });
    expect(await dropped("retries_exhausted")).toBe(5);
    await stop();
  });
});

describe("the status of an endpoint", () => {
  test("says until when it is left alone, and what to do", async () => {
    let answer: PushOutcome = failure("unauthorized", { fault: "endpoint", hint: "check the authentication" });
    const { endpoint, append, clock, stop } = anEndpoint(() => answer, outage);
    append("a");
    await settle();
    expect(endpoint.snapshot()).toMatchObject({
      pausedUntilMs: clock.now() + 1000,
      advice: "check the authentication",
    });
    answer = sent;
    await clock.advance(1000);
    const status = endpoint.snapshot();
    expect(status).not.toHaveProperty("pausedUntilMs");
    expect(status).not.toHaveProperty("advice");
    expect(status.lastError).toBe("failed: unauthorized");
    await stop();
  });

  test("and its metrics tell what is on disk, and how many requests it may have", async () => {
    const limited = failure("rate_limited", { retryAfterMs: 1000 });
    const { append, clock, metrics, stop } = anEndpoint((_, attempt) => (attempt === 1 ? limited : sent), outage);
    append("a");
    await clock.advance(gatherMs);
    const shown = async (name: string): Promise<string | undefined> =>
      new RegExp(`^pyroscope_write_${name}\\{component_id="w",endpoint="main"\\} (.*)$`, "m").exec(
        await metrics.text(),
      )?.[1];
    expect([await shown("spool_records"), await shown("queue_profiles"), await shown("window")]).toEqual([
      "1",
      "0",
      "1",
    ]);
    await clock.advance(1200);
    expect([await shown("spool_records"), await shown("window")]).toEqual(["0", "4"]);
    expect(await metrics.text()).toContain('pyroscope_write_spooled_profiles_total{component_id="w"} 1\n');
    for (let count = 0; count < 5; count++) append(`more ${count}`);
    await settle();
    expect(await shown("window")).toBe("5");
    await stop();
    expect(await shown("spool_records")).toBeUndefined();
  });
});

describe("at the end a disk that failed before", () => {
  test.each([
    ["when it was opened", true],
    ["when it was written to", false],
  ])("%s gets one more chance, whatever its pause", async (_, fromTheStart) => {
    const clock = new FakeClock();
    const spool = createMemorySpoolLog(clock);
    if (fromTheStart) spool.failWith("locked");
    const { endpoint, append, dropped, stop } = anEndpoint(() => refused, outage, { clock, spool });
    await settle();
    if (!fromTheStart) spool.failWith("disk_full");
    append("a", "b", "c");
    await clock.advance(100);
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 3, spooledProfiles: 0 });
    spool.failWith(undefined);
    await stop();
    expect([kept(spool), await dropped("shutdown")]).toEqual([3, 0]);
  });

  test("and fails again is named as the reason of the loss", async () => {
    const { append, clock, spool, log, stop } = anEndpoint(() => refused, outage);
    await settle();
    spool.failWith("disk_full");
    append("a", "b", "c");
    await clock.advance(100);
    await stop();
    const line = log.lines.find(({ message }) => message.startsWith("Profiles dropped: not delivered in time"));
    expect(line?.message).toEndWith("and the disk takes nothing");
    expect(line?.fields).toMatchObject({ profiles: 3, err: "The spool cannot be written: disk_full" });
  });
});

test("a profile that comes to the disk late is as old as it is", async () => {
  const queue = { durability: "outage", max_age: "10m" };
  const { endpoint, append, clock, spool, dropped, stop } = anEndpoint(() => refused, { queue });
  await settle();
  spool.failWith("disk_full");
  append("a");
  await clock.advance(9 * 60_000);
  spool.failWith(undefined);
  await clock.advance(59_000);
  const { spooledProfiles, oldestQueuedMs = 0 } = endpoint.snapshot();
  expect([spooledProfiles, clock.now() - oldestQueuedMs]).toEqual([1, 599_000]);
  await clock.advance(61_000);
  expect(endpoint.snapshot().spooledProfiles).toBe(0);
  expect(await dropped("too_old")).toBe(1);
  await stop();
});
