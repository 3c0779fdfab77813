import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type PushServer, type ReceivedProfile, startPushServer } from "../support/push-server.ts";
import { eventually } from "../support/child.ts";
import type { Profile } from "../../src/gen/google/v1/profile_pb.ts";
import { startAgain, startAgent } from "./agent.ts";
import { type GoTarget, goCommand, startGoTarget } from "./go-target.ts";
import { decodeProfile, difference, sumBelow, sumsByStack } from "./profile-sums.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const named = "main.allocateExactly";
const intervalMs = 1000;

function config(address: string, serverUrl: string): string {
  return `
[pyroscope.scrape.test]
targets = [{ __address__ = "${address}", service_name = "shop" }]
forward_to = ["pyroscope.write.test"]
scrape_interval = "${intervalMs}ms"
[pyroscope.scrape.test.profiling_config.profile]
goroutine.enabled = false
process_cpu.enabled = false

[[pyroscope.write.test.endpoint]]
url = "${serverUrl}"
`;
}

function ofType(server: PushServer, name: string): ReceivedProfile[] {
  return server.accepted.filter(({ labels }) => labels["__name__"] === name);
}

/** Waits until `count` more profiles of a type than now have arrived. */
async function more(server: PushServer, options: { name: string; count: number }): Promise<void> {
  const wanted = ofType(server, options.name).length + options.count;
  await server.waitFor(() => ofType(server, options.name).length >= wanted, { timeoutMs: 15_000 });
}

/** Waits for the longest pause between two requests of an interval, so that stopping the agent interrupts no scrape. */
async function quiet(target: GoTarget): Promise<void> {
  const phases = [...new Set((await target.requests()).slice(-3).map(({ AtMs }) => AtMs % intervalMs))].sort(
    (a, b) => a - b,
  );
  const pauses = phases.map(
    (phase, i) => ((phases[(i + 1) % phases.length] as number) - phase + intervalMs) % intervalMs,
  );
  const before = phases[pauses.indexOf(Math.max(...pauses))] as number;
  await eventually("the longest pause has begun", async () => {
    const last = (await target.requests()).at(-1);
    const sinceMs = Date.now() - (last?.AtMs ?? 0);
    const isIt = Math.abs(((last?.AtMs ?? 0) % intervalMs) - before) < 150;
    return (isIt && last?.Status === 200 && sinceMs > 50 && sinceMs < 250) || undefined;
  });
}

/** What grows for as long as a process lives: type, path, columns. */
const cumulative = [
  ["memory", "/debug/pprof/allocs", ["alloc_objects", "alloc_space"]],
  ["mutex", "/debug/pprof/mutex", ["contentions", "delay"]],
  ["block", "/debug/pprof/block", ["contentions", "delay"]],
] as const;

/** By type: the last profile that a process answered with, which counts from its start. */
async function totalsOf(target: GoTarget): Promise<ReadonlyMap<string, Profile>> {
  const totals = new Map<string, Profile>();
  for (const [name, path] of cumulative) totals.set(name, decodeProfile(await target.answer("last", path)));
  return totals;
}

/** Every stack whose deltas sum to more than its process counted. */
function above(sent: readonly ReceivedProfile[], totals: ReadonlyMap<string, Profile>): string[] {
  return cumulative.flatMap(([name, , columns]) => {
    const deltas = sent.filter(({ labels }) => labels["__name__"] === name).map(({ profile }) => profile);
    return columns.flatMap((column) => {
      const counted = sumsByStack([totals.get(name) as Profile], column);
      return [...sumsByStack(deltas, column)]
        .filter(([stack, sum]) => sum > (counted.get(stack) ?? 0n))
        .map(([stack, sum]) => `${column} of ${stack}: ${sum}`);
    });
  });
}

describe.skipIf(goCommand === undefined)("deltas of a Go program", () => {
  test.concurrent("sum to what the process allocated and waited between the first and the last scrape", async () => {
    await using server = await startPushServer();
    await using target = await startGoTarget();
    await target.allocate({ bytes: 1_000_000, times: 5 });
    await target.contend(5);
    const { Bytes: before, Objects: objectsBefore } = await target.allocated();
    await using agent = await startAgent(config(target.address, server.url));
    await more(server, { name: "memory", count: 1 });

    for (const bytes of [10_000, 3_333_333, 7]) {
      await target.allocate({ bytes, times: 3 });
      await target.contend(3);
      await more(server, { name: "memory", count: 1 });
    }
    const { Bytes: after, Objects: objectsAfter } = await target.allocated();
    await more(server, { name: "memory", count: 1 });
    await quiet(target);
    // It drains, so that everything the target answered has arrived.
    expect((await agent.stop()).exit).toBe(0);

    const memory = ofType(server, "memory").map(({ profile }) => profile);
    expect(after - before).toBeGreaterThan(10_000_000);
    expect(sumBelow(memory, { column: "alloc_space", function: named })).toBe(BigInt(after - before));
    expect(sumBelow(memory, { column: "alloc_objects", function: named })).toBe(BigInt(objectsAfter - objectsBefore));
    // The first has no delta yet, and shows what is in use all the same.
    expect(sumBelow(memory.slice(0, 1), { column: "alloc_space", function: named })).toBe(0n);
    expect(sumBelow(memory.slice(0, 1), { column: "inuse_space", function: named })).toBeGreaterThanOrEqual(5_000_000n);

    for (const [name, path, columns] of cumulative) {
      const [first, last] = [await target.answer("first", path), await target.answer("last", path)].map(decodeProfile);
      const sent = ofType(server, name).map(({ profile }) => profile);
      for (const column of columns) {
        const expected = difference(sumsByStack([last as never], column), sumsByStack([first as never], column));
        expect(expected.size).toBeGreaterThan(0);
        expect(difference(sumsByStack(sent, column), expected), `${name} ${column}`).toEqual(new Map());
      }
    }
  });

  test.concurrent("go on over a restart of the agent: all that is allocated is counted once", async () => {
    await using server = await startPushServer();
    await using target = await startGoTarget();
    await target.allocate({ bytes: 1_000_000, times: 5 });
    const { Bytes: before, Objects: objectsBefore } = await target.allocated();
    await using agent = await startAgent(config(target.address, server.url));
    await more(server, { name: "memory", count: 1 });
    await target.allocate({ bytes: 10_000, times: 7 });
    await more(server, { name: "memory", count: 1 });
    expect((await agent.stop()).exit).toBe(0);

    await target.allocate({ bytes: 3_333_333, times: 3 });
    await target.contend(3);
    await using again = await startAgain(agent);
    await more(server, { name: "memory", count: 1 });
    await target.allocate({ bytes: 7, times: 2 });
    const { Bytes: after, Objects: objectsAfter } = await target.allocated();
    await more(server, { name: "memory", count: 1 });
    await quiet(target);
    expect((await again.stop()).exit).toBe(0);

    const memory = ofType(server, "memory").map(({ profile }) => profile);
    expect(sumBelow(memory, { column: "alloc_space", function: named })).toBe(BigInt(after - before));
    expect(sumBelow(memory, { column: "alloc_objects", function: named })).toBe(BigInt(objectsAfter - objectsBefore));
    for (const [name, path, columns] of cumulative) {
      const [first, last] = [await target.answer("first", path), await target.answer("last", path)].map(decodeProfile);
      const sent = ofType(server, name).map(({ profile }) => profile);
      for (const column of columns) {
        const expected = difference(sumsByStack([last as never], column), sumsByStack([first as never], column));
        expect(difference(sumsByStack(sent, column), expected), `${name} ${column}`).toEqual(new Map());
      }
    }
  });

  test.concurrent("a target that restarts at the same address counts from zero", async () => {
    await using server = await startPushServer();
    await using old = await startGoTarget();
    await old.allocate({ bytes: 1_000_000, times: 20 });
    await old.contend(20);
    await using agent = await startAgent(config(old.address, server.url));
    await more(server, { name: "memory", count: 1 });
    await old.allocate({ bytes: 1_000_000, times: 2 });
    await more(server, { name: "memory", count: 2 });
    // Between two scrapes, so that what it says here is what was scraped last.
    await quiet(old);
    const oldTotals = await totalsOf(old);
    await old.stop();
    const upTo = server.accepted.length;

    await using young = await startGoTarget(old.address);
    await young.allocate({ bytes: 100_000, times: 3 });
    await young.contend(2);
    await more(server, { name: "memory", count: 1 });
    await young.allocate({ bytes: 100_000, times: 1 });
    const { Bytes } = await young.allocated();
    await more(server, { name: "memory", count: 2 });
    await quiet(young);
    const youngTotals = await totalsOf(young);
    await agent.stop();

    const sent = server.accepted.slice(upTo).filter(({ labels }) => labels["__name__"] === "memory");
    const profiles = sent.map(({ profile }) => profile);
    expect(sumBelow(profiles, { column: "alloc_space", function: named })).toBe(BigInt(Bytes));
    const values = server.accepted.flatMap(({ profile }) => profile.sample.flatMap(({ value }) => value));
    expect(values.filter((value) => value < 0n)).toEqual([]);
    // No stack of either process grew by more than that process itself counted for it.
    expect(above(server.accepted.slice(0, upTo), oldTotals)).toEqual([]);
    expect(above(server.accepted.slice(upTo), youngTotals)).toEqual([]);
    expect(server.rejected).toEqual([]);
  });
});
