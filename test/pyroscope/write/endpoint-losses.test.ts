import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { writeArguments, writeKind } from "../../../src/pyroscope/write/index.ts";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import type { LostRecord, SpoolLogOptions } from "../../../src/storage/index.ts";
import { testContext } from "../../support/context.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { createMemorySpoolLog } from "../../support/memory-spool-log.ts";
import { anEndpoint, held, refused, sent } from "./an-endpoint.ts";
import { aProfile } from "./profiles.ts";

/** A log that lets go what it has just taken, before anybody knows the number, the first `times`. */
function aForgetfulLog(reason: LostRecord["reason"], { times = 1, owner = "main" } = {}) {
  const clock = new FakeClock();
  const spool = createMemorySpoolLog(clock);
  const append = spool.append.bind(spool);
  let left = times;
  spool.append = async (...given) => {
    const number = await append(...given);
    left -= 1;
    if (left >= 0) spool.lose({ number, owner, reason, bytes: 99 });
    return number;
  };
  return { clock, spool };
}

const outage = { queue: { durability: "outage" } };

describe("a profile whose record the disk lets go before its number is known", () => {
  test("for room counts as dropped, once", async () => {
    const surroundings = aForgetfulLog("spool_full");
    const { endpoint, append, clock, spool, stop } = anEndpoint(() => refused, outage, surroundings);
    append("a");
    await clock.advance(1000);
    expect(endpoint.snapshot()).toMatchObject({
      queuedProfiles: 0,
      spooledProfiles: 0,
      droppedProfiles: 1,
      droppedByReason: { spool_full: 1 },
    });
    append("b");
    await clock.advance(1000);
    expect(endpoint.snapshot()).toMatchObject({ spooledProfiles: 1, droppedProfiles: 1 });
    await stop();
    expect(spool.counts.appended).toBe(2);
  });

  test.each([
    ["is delivered", sent, { sentProfiles: 1, droppedByReason: {} }],
    ["fails", refused, { sentProfiles: 0, droppedByReason: { spool_full: 1 } }],
  ])("for room while its push is in flight counts as what that comes to: it %s", async (_, outcome, expected) => {
    const server = held();
    const queue = { durability: "always", max_in_flight: 1 };
    const surroundings = aForgetfulLog("spool_full");
    const { endpoint, clock, append, stop } = anEndpoint(server.answer, { queue }, surroundings);
    append("a");
    await clock.advance(1000);
    expect(endpoint.snapshot()).toMatchObject({ inFlight: 1, queuedProfiles: 1, droppedProfiles: 0 });
    await server.release(outcome);
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, spooledProfiles: 0, ...expected });
    await stop();
  });

  test("with its file is written again: it is still in memory", async () => {
    const surroundings = aForgetfulLog("spool_damaged", { times: 2 });
    const { endpoint, append, clock, spool, stop } = anEndpoint(() => refused, outage, surroundings);
    append("a");
    await clock.advance(1000);
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, spooledProfiles: 1, droppedProfiles: 0 });
    expect(spool.counts.appended).toBe(3);
    await stop();
  });
});

test("a component asks who writes a record before it counts that as lost", async () => {
  const { clock, spool } = aForgetfulLog("spool_damaged", { owner: JSON.stringify(["main"]) });
  const spoolLog = (_: string, options: SpoolLogOptions) => {
    spool.applyOptions(options);
    return spool;
  };
  const storage = { ...testContext({ clock }).storage, spoolLog };
  const args = v.parse(writeArguments, { endpoint: { name: "main", url: "unix:///nowhere.sock" } });
  const component = writeKind.create(args, testContext({ clock, storage }));
  const end = new AbortController();
  const ended = component.run(end.signal);
  await component.exports.receiver?.append(aProfile());
  const status = () => component.snapshot().endpoints?.[0];
  while (spool.counts.appended < 2) await clock.advance(100);
  await clock.advance(100);
  expect(status()).toMatchObject({ queuedProfiles: 0, spooledProfiles: 1, droppedProfiles: 0 });
  end.abort();
  await clock.advance(writeLimits.drainMs);
  await ended;
});

test("a profile that was too large for the disk is written once the bound is raised", async () => {
  const { endpoint, append, clock, spool, stop } = anEndpoint(() => refused, outage);
  await settle();
  spool.failWith("too_large");
  append("a");
  await clock.advance(1000);
  expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 1, spooledProfiles: 0 });
  spool.failWith(undefined);
  await clock.advance(1000);
  expect(spool.counts.tried).toBe(1);
  endpoint.tryNow();
  await clock.advance(1000);
  expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, spooledProfiles: 1 });
  await stop();
});
