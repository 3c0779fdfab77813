import { afterAll, describe, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { labelsOf } from "../../../src/model/index.ts";
import { storeArguments, storeKind } from "../../../src/pyroscope/store/index.ts";
import { storeLimits } from "../../../src/pyroscope/store/limits.ts";
import { testContext } from "../../support/context.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { aProfile } from "../write/profiles.ts";

const directory = mkdtempSync(join(tmpdir(), "store-test-"));
afterAll(() => rmSync(directory, { recursive: true }));

const go = spawnSync("go", ["version"]).status === 0;

/** What `go tool pprof` says about profile bytes: one line per function, with its value. */
function pprofTop(bytes: Uint8Array): string {
  const file = join(directory, "profile.pb.gz");
  writeFileSync(file, bytes);
  const env = { ...process.env, PPROF_TMPDIR: directory };
  return execFileSync("go", ["tool", "pprof", "-top", "-nodecount=50", file], { env, stdio: "pipe" }).toString();
}

function aStore(written: unknown = {}) {
  const clock = new FakeClock();
  const log = createMemoryLog();
  const context = testContext({ id: "pyroscope.store.test", clock, log });
  const component = storeKind.create(v.parse(storeArguments, written), context);
  const { receiver, profiles } = component.exports;
  if (!receiver || !profiles) throw new Error("exports are missing");
  return { clock, log, context, component, receiver, profiles };
}

const memory = { __name__: "memory", service_name: "shop" };

describe("pyroscope.store", () => {
  test("lists what it keeps, gives one back byte for byte", async () => {
    const { receiver, profiles } = aStore();
    const profile = aProfile({ labels: memory });
    await receiver.append(profile);
    await receiver.append(aProfile());
    expect(profiles.list({ labels: labelsOf({ __name__: "memory" }) })).toEqual([
      {
        id: profile.id,
        labels: profile.labels,
        info: profile.info,
        scrapedAtMs: profile.scrapedAtMs,
        bytes: profile.data.byteLength,
      },
    ]);
    expect(profiles.get(profile.id)?.data).toBe(profile.data);
    expect(profiles.get("unknown")).toBeUndefined();
  });

  test("merges what matches, and has nothing to merge where nothing does", async () => {
    const { receiver, profiles } = aStore();
    expect(await profiles.merge({})).toBeUndefined();
    for (const values of [[1, 2], [10, 20], [100]]) await receiver.append(aProfile({ labels: memory, values }));
    await receiver.append(aProfile({ values: [1000] }));
    const merged = await profiles.merge({ labels: labelsOf(memory) });
    expect(merged?.subarray(0, 2)).toEqual(new Uint8Array([0x1f, 0x8b]));
    // The test below lets `go tool pprof` read what this one only finds to be gzip.
  });

  test.skipIf(!go)("gives what go tool pprof opens (skipped where there is no Go)", async () => {
    const { receiver, profiles } = aStore();
    for (const values of [[1, 2], [10, 20], [100]]) await receiver.append(aProfile({ labels: memory, values }));
    const merged = pprofTop((await profiles.merge({})) as Uint8Array);
    expect(merged).toMatch(/Type: contentions/);
    expect(merged).toMatch(/\b111 .*main\.f0/);
    expect(merged).toMatch(/\b22 .*main\.f1/);
    const newest = profiles.list({})[0]?.id ?? "";
    expect(pprofTop(profiles.get(newest)?.data as Uint8Array)).toMatch(/\b100 .*main\.f0/);
    expect(pprofTop((await profiles.merge({ labels: labelsOf(memory), fromMs: 0 })) as Uint8Array)).toBe(merged);
  });

  test("does not merge profiles of different types", async () => {
    const { receiver, profiles } = aStore();
    await receiver.append(aProfile({ sampleType: "contentions" }));
    await receiver.append(aProfile({ sampleType: "goroutine" }));
    await expect(profiles.merge({})).rejects.toMatchObject({
      reason: "mixed_types",
      message:
        'Cannot merge 2 profiles: they hold different values: "goroutine/count" and "contentions/count"; select one profile type',
    });
  });

  test("does not merge more than it may", async () => {
    const { receiver, profiles } = aStore();
    const profile = aProfile();
    for (const id of ["a", "b", "c"])
      await receiver.append({ ...profile, id, info: { ...profile.info, rawBytes: 30 * 1024 ** 2 } });
    await expect(profiles.merge({})).rejects.toMatchObject({
      reason: "merge_too_large",
      message: "Cannot merge 3 profiles: they are 90MiB, more than 64MiB; select a shorter time",
    });
  });

  test("merges one after the other, the next also where one fails, and refuses where too many wait", async () => {
    const { receiver, profiles } = aStore();
    const bad = aProfile({ labels: memory });
    await receiver.append({ ...bad, data: new Uint8Array([1, 2, 3]) });
    await receiver.append(aProfile());
    const ended: string[] = [];
    const merge = async (name: string, labels: Readonly<Record<string, string>>) =>
      await profiles.merge({ labels: labelsOf(labels) }).then(
        () => ended.push(`${name} merged`),
        (thrown: { reason: string }) => ended.push(`${name} ${thrown.reason}`),
      );
    const first = merge("first", memory);
    const fits = Array.from({ length: storeLimits.waitingMerges }, (_, at) => merge(`${at}`, { __name__: "mutex" }));
    await Promise.all([first, ...fits, merge("last", memory)]);
    expect(ended).toEqual(["last too_many_merges", "first not_pprof", "0 merged", "1 merged", "2 merged", "3 merged"]);
    await merge("later", { __name__: "mutex" });
    expect(ended.at(-1)).toBe("later merged");
  });

  test("refuses a profile larger than max_bytes, and says so", async () => {
    const { receiver, context, profiles } = aStore({ max_bytes: "4KiB" });
    await expect(receiver.append(aProfile({ padding: 8000 }))).rejects.toMatchObject({
      reason: "larger_than_store",
      message: expect.stringMatching(
        /Cannot keep a profile in "pyroscope.store.test": its 7.\dKiB do not fit into max_bytes = "4KiB"/,
      ),
    });
    expect(profiles.list({})).toEqual([]);
    expect(await context.metrics.text()).toContain(
      'pyroscope_store_refused_total{component_id="pyroscope.store.test",reason="larger_than_store"} 1\n',
    );
  });

  test("logs the first profile it refuses, and later how many went unsaid", async () => {
    const { receiver, clock, log, context } = aStore({ max_bytes: "4KiB" });
    const large = aProfile({ labels: memory, padding: 8000 });
    const append = () => receiver.append(large).catch(() => undefined);
    for (let count = 0; count < 3; count++) await append();
    await clock.advance(storeLimits.warningIntervalMs);
    await append();
    const said = {
      reason: "larger_than_store",
      id: large.id,
      profile_type: "memory",
      service_name: "shop",
      bytes: large.data.byteLength,
      max_bytes: "4KiB",
    };
    const message = "Profile refused: it is larger than max_bytes, raise it";
    expect(log.lines).toEqual([
      { level: "warn", message, fields: said },
      { level: "warn", message, fields: { ...said, refused_since_last_line: 2 } },
    ]);
    expect(await context.metrics.text()).toContain('reason="larger_than_store"} 4\n');
  });

  test("counts what it no longer keeps, by reason", async () => {
    const { receiver, context, clock, profiles } = aStore({ max_bytes: "4KiB", max_age: "10s" });
    for (let count = 0; count < 5; count++) await receiver.append(aProfile());
    expect(profiles.list({})).toHaveLength(3);
    await clock.advance(10_001);
    expect(profiles.list({})).toEqual([]);
    const evicted = (await context.metrics.text()).split("\n").filter((line) => line.startsWith("pyroscope_store_ev"));
    const own = 'component_id="pyroscope.store.test"';
    expect(evicted).toEqual([
      `pyroscope_store_evicted_total{${own},reason="full"} 2`,
      `pyroscope_store_evicted_total{${own},reason="too_old"} 3`,
    ]);
  });

  test("shows how much it keeps in the snapshot and, while it runs, in metrics", async () => {
    const { component, receiver, context, clock } = aStore({ max_age: "10s" });
    const end = new AbortController();
    const ended = component.run(end.signal);
    await receiver.append(aProfile());
    const own = 'component_id="pyroscope.store.test"';
    expect(await context.metrics.text()).toContain(`pyroscope_store_profiles{${own}} 1\n`);
    expect(component.snapshot()).toMatchObject({ store: { profiles: 1, maxBytes: 64 * 1024 ** 2 } });
    await clock.advance(11_000);
    expect(await context.metrics.text()).toContain(`pyroscope_store_bytes{${own}} 0\n`);
    expect(await context.metrics.text()).toContain(`pyroscope_store_evicted_total{${own},reason="too_old"} 1\n`);
    end.abort();
    await ended;
    expect(await context.metrics.text()).not.toContain("pyroscope_store_profiles{");
  });

  test("takes new limits at once", async () => {
    const { component, receiver, profiles } = aStore();
    for (let count = 0; count < 5; count++) await receiver.append(aProfile());
    component.applyConfig(v.parse(storeArguments, { max_bytes: "3KB" }));
    expect(profiles.list({})).toHaveLength(2);
  });
});
