import { describe, expect, test } from "bun:test";
import { createMetrics } from "../../../src/observability/index.ts";
import { endpointKey, ownerName } from "../../../src/pyroscope/write/endpoint-key.ts";
import { LeftEndpoints } from "../../../src/pyroscope/write/left-endpoints.ts";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import { toRecord } from "../../../src/pyroscope/write/profile-record.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { createMemorySpoolLog } from "../../support/memory-spool-log.ts";
import { aProfile } from "./profiles.ts";

const gone = endpointKey({ url: "http://gone:4040", headers: {} });
const here = endpointKey({ name: "here", url: "http://here:4040", headers: {} });

function left() {
  const clock = new FakeClock();
  const spool = createMemorySpoolLog(clock);
  const log = createMemoryLog();
  const metrics = createMetrics();
  const present = new Set([here]);
  const endpoints = new LeftEndpoints({ id: "w", clock, log, metrics, spoolLog: () => spool, present: () => present });
  const end = new AbortController();
  return { clock, spool, log, metrics, present, endpoints, end };
}

describe("the records of an endpoint that left the configuration", () => {
  test("are named once at the start", () => {
    const { spool, log, endpoints } = left();
    endpoints.announce();
    expect(log.lines).toEqual([]);
    for (const owner of [gone, gone, here]) spool.leave(toRecord(aProfile()), { owners: [owner], age: 0 });
    endpoints.announce();
    expect(log.lines).toMatchObject([
      {
        level: "warn",
        message: "Profiles on disk are for endpoints that are not in the configuration",
        fields: { endpoints: ["http://gone:4040"], kept_for: "50m" },
      },
    ]);
  });

  test("are kept until they are too old, then counted and dropped; those of others stay", async () => {
    const { clock, spool, log, metrics, endpoints, end } = left();
    const record = toRecord(aProfile());
    for (const age of [0, writeLimits.leftExpireMs])
      spool.leave(record, { owners: [gone, here], age: writeLimits.leftAgeMs - age });
    endpoints.run(end.signal);
    expect(spool.usage(gone).records).toBe(2);
    await clock.advance(writeLimits.leftExpireMs);
    expect([spool.usage(gone).records, spool.usage(here).records]).toEqual([1, 2]);
    await clock.advance(writeLimits.leftExpireMs);
    expect([spool.usage(gone).records, spool.usage(here).records]).toEqual([0, 2]);
    expect(await metrics.text()).toContain(
      'dropped_profiles_total{component_id="w",endpoint="http://gone:4040",reason="endpoint_removed"} 2',
    );
    expect(log.messages("warn")).toHaveLength(2);
    end.abort();
    expect(clock.pending).toBe(0);
  });

  test("of an age that nobody knows are dropped at once, and those not known yet are kept", () => {
    const { spool, endpoints } = left();
    spool.leave(toRecord(aProfile()), { owners: [gone], age: "unknown" });
    spool.leave(toRecord(aProfile()), { owners: [gone], age: "not_yet" });
    endpoints.expire();
    expect(spool.next(gone)).toBe(2);
  });

  test("are left alone once it is back", async () => {
    const { clock, spool, present, endpoints, end } = left();
    spool.leave(toRecord(aProfile()), { owners: [gone], age: 0 });
    endpoints.run(end.signal);
    present.add(gone);
    await clock.advance(2 * writeLimits.leftAgeMs);
    expect(spool.usage(gone).records).toBe(1);
    end.abort();
  });
});

describe("the key of an endpoint", () => {
  test.each([
    [{ name: "main", url: "http://a" }, "main"],
    [{ url: "http://a" }, "http://a"],
    [{ url: "http://a", headers: { "x-scope-orgid": "t" } }, "http://a (X-Scope-OrgID: t)"],
  ])("of %o is shown as %s", (given, shown) => {
    expect(ownerName(endpointKey({ headers: {}, ...given }))).toBe(shown);
  });

  test("differs by name, URL and tenant", () => {
    const keys = [
      { name: "http://a", url: "http://a", headers: {} },
      { url: "http://a", headers: {} },
      { url: "http://b", headers: {} },
      { url: "http://a", headers: { "X-Scope-OrgID": "t" } },
    ].map(endpointKey);
    expect(new Set(keys).size).toBe(4);
  });

  test("of another version is shown as it is", () => {
    expect(ownerName("strange")).toBe("strange");
  });
});
