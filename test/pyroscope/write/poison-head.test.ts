import { expect, setDefaultTimeout, test } from "bun:test";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import { toRecord } from "../../../src/pyroscope/write/profile-record.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { createMemorySpoolLog } from "../../support/memory-spool-log.ts";
import { anEndpoint, failure, refused, sent, unavailable } from "./an-endpoint.ts";
import { aProfile } from "./profiles.ts";

const outage = { queue: { durability: "outage" }, min_backoff_period: "500ms", max_backoff_period: "5m" };

/** A log in which an earlier process left profiles, oldest first. */
function aLog(...kinds: readonly (readonly [name: string, count: number])[]) {
  const clock = new FakeClock();
  const spool = createMemorySpoolLog(clock);
  for (const [name, count] of kinds)
    for (let index = 0; index < count; index++)
      spool.leave(toRecord(aProfile({ id: `${name} ${index}` })), { owners: ["main"], age: 60_000 });
  return { clock, spool };
}

// Minutes of thousands of records, by a clock that is turned by hand.
setDefaultTimeout(30_000);

test.each([
  { head: 400, everyMs: 100, withinMs: 15_000 },
  { head: 400, everyMs: 5000, withinMs: 60_000 },
  { head: 800, everyMs: 1000, withinMs: 60_000 },
])(
  "$head profiles at fault at the head of the disk hold up nobody for long, with a young one every $everyMs ms",
  async ({ head, everyMs, withinMs }) => {
    const { clock, spool } = aLog(["poison", head], ["good", 100]);
    const passedMs = new Map<string, number>();
    const { append, dropped, stop } = anEndpoint(
      ({ id }) => {
        if (id.startsWith("poison")) return failure("server_error");
        passedMs.set(id, clock.monotonic());
        return sent;
      },
      outage,
      { clock, spool },
    );
    await settle();
    const late: number[] = [];
    for (let round = 0; clock.monotonic() < 120_000; round++) {
      const sinceMs = clock.monotonic();
      append(`young ${round}`);
      await clock.advance(everyMs);
      late.push((passedMs.get(`young ${round}`) ?? Infinity) - sinceMs);
    }
    const behindMs = Array.from({ length: 100 }, (_, index) => passedMs.get(`good ${index}`) ?? Infinity);
    expect(Math.max(...behindMs)).toBeLessThan(withinMs);
    expect(Math.max(...late)).toBeLessThan(1000);
    expect(await dropped("too_old")).toBe(0);
    await stop();
  },
);

test("a server that is down is asked for young ones no more often than for old ones", async () => {
  const { clock, spool } = aLog(["old", 50]);
  const { append, attempts, endpoint, stop } = anEndpoint(() => unavailable, outage, { clock, spool });
  await settle();
  for (let second = 0; second < 120; second++) {
    append(`young ${second}`);
    await clock.advance(1000);
  }
  expect(endpoint.snapshot().state).toBe("down");
  // The first failures, and then pauses that double up to five minutes.
  expect(attempts.length).toBeLessThan(30);
  await stop();
});

test("a server that is reached again is not left alone for as long as one that could not be", async () => {
  const { clock, spool } = aLog(["old", 20]);
  let phase: "gone" | "starting" | "up" = "gone";
  const answers = { gone: refused, starting: unavailable, up: sent };
  const { endpoint, stop } = anEndpoint(() => answers[phase], outage, { clock, spool });
  await clock.advance(10 * 60_000);
  phase = "starting";
  await clock.advance(writeLimits.probeMs);
  phase = "up";
  await clock.advance(2 * writeLimits.probeMs);
  expect(endpoint.snapshot()).toMatchObject({ state: "up", sentProfiles: 20 });
  await stop();
});

test("the backlog leaves one request to what comes next, however long its own take", async () => {
  const { clock, spool } = aLog(["slow", 20]);
  const inFlight = new Set<string>();
  const { append, attempts, stop } = anEndpoint(
    async ({ id }) => {
      if (!id.startsWith("slow")) return sent;
      inFlight.add(id);
      await new Promise<void>((resolve) => void clock.after(10_000, resolve));
      inFlight.delete(id);
      return sent;
    },
    { ...outage, queue: { durability: "outage", max_in_flight: 4 } },
    { clock, spool },
  );
  await clock.advance(100);
  expect(inFlight.size).toBe(3);
  append("young");
  await settle();
  expect(attempts.at(-1)?.id).toBe("young");
  await clock.advance(100_000);
  await stop();
});

test("the backlog is tried oldest first, and behind what failed before that once more", async () => {
  const { clock, spool } = aLog(["old", 5]);
  const { attempts, stop } = anEndpoint(
    ({ id }) => (id === "old 0" || id === "old 1" ? failure("server_error") : sent),
    { ...outage, min_backoff_period: "100ms", queue: { durability: "outage", max_in_flight: 1 } },
    { clock, spool },
  );
  await clock.advance(1000);
  expect(attempts.slice(0, 5).map(({ id }) => id.slice(-1))).toEqual(["0", "1", "2", "3", "4"]);
  expect(attempts.length).toBeGreaterThan(6);
  await stop();
});

test.each([
  ["refused and unavailable in turn", (count: number) => (count % 2 === 0 ? refused : unavailable)],
  [
    "unreachable, or without an answer",
    (count: number) => (count % 2 === 0 ? failure("unreachable", { fault: "endpoint" }) : failure("timeout")),
  ],
])("pauses grow in an outage whatever its failures are: %s", async (_, answer) => {
  const { clock, spool } = aLog(["old", 50]);
  const { attempts, stop } = anEndpoint((_profile, attempt) => answer(attempt), outage, { clock, spool });
  await clock.advance(30 * 60_000);
  // One every 30 s at the most is what an endpoint gets that cannot be reached.
  expect(attempts.length).toBeLessThan(100);
  await stop();
});

test("an endpoint that fails at the start and has nothing but old profiles ends at once", async () => {
  const { clock, spool } = aLog(["old", 2]);
  const { end, ended } = anEndpoint(() => unavailable, outage, { clock, spool });
  await clock.advance(100);
  end.abort();
  await settle();
  await clock.advance(50);
  const state = await Promise.race([ended.then(() => "ended"), settle().then(() => "under way")]);
  expect(state).toBe("ended");
});

test.each(Array.from({ length: 8 }, (_, round) => ({ round })))(
  "a server that is reached again is asked for young ones at once where old ones are at fault (round $round)",
  async () => {
    // The old ones are the smallest, and so the first to be tried.
    const { clock, spool } = aLog(["p", 50]);
    let isGone = true;
    const answeredMs: number[] = [];
    const passedMs: number[] = [];
    const { endpoint, stop } = anEndpoint(
      ({ id }, attempt) => {
        // An outage often begins with a connection that is cut.
        if (isGone) return attempt === 1 ? failure("reset") : refused;
        answeredMs.push(clock.monotonic());
        if (id.startsWith("p ")) return failure("server_error");
        passedMs.push(clock.monotonic());
        return sent;
      },
      outage,
      { clock, spool },
    );
    const append = (id: string): void => void endpoint.append(aProfile({ id, padding: 500 }));
    for (const id of ["young a", "young b", "young c", "young d"]) append(id);
    for (let second = 0; second < 400; second++) {
      isGone = second < 300;
      append(`young ${second}`);
      await clock.advance(1000);
    }
    // The next young one comes within a second.
    expect((passedMs[0] ?? Infinity) - (answeredMs[0] ?? 0)).toBeLessThan(1100);
    await stop();
  },
);

test.each(Array.from({ length: 4 }, (_, round) => ({ round })))(
  "hundreds at fault that came in just before the server came back do not keep what follows them waiting (round $round)",
  async () => {
    let [isGone, isHeadOver] = [true, false];
    let healedMs = Number.NaN;
    const passedMs: number[] = [];
    const { clock, append, stop } = anEndpoint(({ id }) => {
      if (isGone) return refused;
      if (id.startsWith("poison")) return failure("server_error");
      passedMs.push(clock.monotonic());
      return sent;
    }, outage);
    await settle();
    const scrape = async (): Promise<void> => {
      append(
        ...Array.from({ length: 7 }, (_, turn) => `${isHeadOver ? "good" : "poison"} ${clock.monotonic()} ${turn}`),
      );
      await clock.advance(100);
    };
    for (let turn = 0; turn < 50; turn++) await scrape();
    isHeadOver = true;
    for (let turn = 0; turn < 30; turn++) await scrape();
    isGone = false;
    healedMs = clock.monotonic();
    for (let turn = 0; turn < 600; turn++) await scrape();
    // The pause of the outage, and a little.
    expect((passedMs[0] ?? Infinity) - healedMs).toBeLessThan(12_000);
    await stop();
  },
);
