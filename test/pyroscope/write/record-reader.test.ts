import { describe, expect, test } from "bun:test";
import { createMetrics } from "../../../src/observability/index.ts";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import { createSpoolMetrics } from "../../../src/pyroscope/write/metrics.ts";
import { toRecord } from "../../../src/pyroscope/write/profile-record.ts";
import { RecordReader } from "../../../src/pyroscope/write/record-reader.ts";
import { type SpoolRecord, StorageError } from "../../../src/storage/index.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { createMemorySpoolLog } from "../../support/memory-spool-log.ts";
import { anEndpoint, leftBehind, sent } from "./an-endpoint.ts";
import { aProfile } from "./profiles.ts";

const { readRetryMs, spoolStallMs, warningIntervalMs } = writeLimits;
const begins = "Cannot read queued profiles back from disk, they wait there";
const ends = "Queued profiles are read back from disk again";

/** A reader of a log with one record, whose reads the test settles. */
function aReader() {
  const clock = new FakeClock();
  const [log, metrics, spool] = [createMemoryLog(), createMetrics(), createMemorySpoolLog(clock)];
  const profile = aProfile();
  const reads: PromiseWithResolvers<SpoolRecord>[] = [];
  spool.read = () => {
    const read = Promise.withResolvers<SpoolRecord>();
    reads.push(read);
    return read.promise;
  };
  const reader = new RecordReader({ clock, log, metrics: createSpoolMetrics(metrics, { component_id: "w" }) });
  const end = new AbortController();
  const read = (): Promise<unknown> => reader.read(1, { spool, signal: end.signal }).catch((error: unknown) => error);
  const give = async (): Promise<void> => {
    reads.shift()?.resolve(toRecord(profile));
    await settle();
  };
  const fail = async (): Promise<void> => {
    reads.shift()?.reject(new StorageError("io", "Cannot read: the disk failed"));
    await settle();
  };
  return { clock, log, metrics, reader, reads, read, give, fail, end, profile };
}

describe("a disk that does not answer who reads", () => {
  test("fails the read in time, and is not asked again before it has answered", async () => {
    const { clock, reader, reads, read, give, profile, metrics } = aReader();
    const first = read();
    await clock.advance(spoolStallMs);
    expect(await first).toMatchObject({ reason: "io", message: expect.stringContaining("within 5s") as string });
    expect(await read()).toMatchObject({ reason: "io" });
    expect([reads.length, reader.problem]).toEqual([1, expect.stringContaining(begins)]);
    expect(await metrics.text()).toMatch(/spool_errors_total\{.*reason="io"\} 2/);
    await give();
    const second = read();
    await give();
    expect([await second, reader.problem, clock.pending]).toEqual([profile, undefined, 0]);
  });

  test("keeps nobody at the end", async () => {
    const { clock, log, read, end, metrics } = aReader();
    const first = read();
    end.abort();
    expect(await first).toMatchObject({ reason: "closed" });
    expect(await read()).toMatchObject({ reason: "closed" });
    expect([log.lines, clock.pending]).toEqual([[], 0]);
    expect(await metrics.text()).not.toContain("spool_errors_total{");
  });
});

test("a disk that fails now and then is said at most every ten minutes, and so is that it works again", async () => {
  const { clock, log, read, give, fail } = aReader();
  const failAndPass = async (): Promise<void> => {
    void read();
    await fail();
    void read();
    await give();
  };
  for (let count = 0; count < 5; count++) await failAndPass();
  expect([log.messages("warn"), log.messages("info")]).toEqual([[begins], [ends]]);
  await clock.advance(warningIntervalMs);
  void read();
  await fail();
  await clock.advance(warningIntervalMs);
  await failAndPass();
  expect([log.messages("warn"), log.messages("info")]).toEqual([
    [begins, begins],
    [ends, ends],
  ]);
});

describe("an endpoint whose disk does not answer who reads", () => {
  const hanging = (...ages: readonly number[]) => {
    const { clock, spool } = leftBehind(...ages);
    spool.read = () => new Promise(() => {});
    return anEndpoint(() => sent, { queue: { durability: "always" } }, { clock, spool });
  };

  test("says so, and delivers what is in memory", async () => {
    const { clock, endpoint, append, end, ended } = hanging(...Array.from({ length: 20 }, () => 60_000));
    await clock.advance(spoolStallMs + readRetryMs);
    append("a", "b");
    await clock.advance(10);
    expect(endpoint.snapshot()).toMatchObject({
      sentProfiles: 2,
      spooledProfiles: 20,
      spoolProblem: expect.stringContaining(begins) as string,
    });
    end.abort();
    await clock.advance(writeLimits.drainMs);
    await ended;
  });

  test("says so no longer once nothing is left there", async () => {
    const { clock, endpoint, end, ended } = hanging(60_000);
    await clock.advance(60 * 60_000);
    expect(endpoint.snapshot()).toMatchObject({ spooledProfiles: 0, droppedByReason: { too_old: 1 } });
    expect(endpoint.snapshot().spoolProblem).toBeUndefined();
    end.abort();
    await ended;
  });

  test("ends in time", async () => {
    const { clock, end, ended } = hanging(60_000, 60_000);
    await clock.advance(100);
    end.abort();
    await clock.advance(writeLimits.drainMs);
    await ended;
    expect(clock.nextMs ?? Infinity).toBeGreaterThan(readRetryMs);
  });
});
