import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMetrics } from "../../../src/observability/index.ts";
import { endpointKey } from "../../../src/pyroscope/write/endpoint-key.ts";
import { LeftComponents } from "../../../src/pyroscope/write/left-components.ts";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import { toRecord } from "../../../src/pyroscope/write/profile-record.ts";
import { encodeHeader, formatVersion, readHeader } from "../../../src/storage/file-header.ts";
import { createDataDirectory, type DataDirectory } from "../../../src/storage/index.ts";
import { eventually } from "../../support/child.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { aProfile } from "./profiles.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

const owner = endpointKey({ name: "main", url: "http://a", headers: {} });
const options = { maxBytes: 1e6, onLost: () => {} };

/** A data directory as the next run of the agent has it, in which the component `left` left two records. */
async function aDirectory() {
  const clock = new FakeClock();
  const log = createMemoryLog();
  const metrics = createMetrics();
  const boot = { id: "run", nowMs: () => clock.monotonic() };
  const root = mkdtempSync(join(tmpdir(), "pprof-agent-left-"));
  cleanups.push(() => rmSync(root, { recursive: true }));
  const path = join(root, "data");
  const open = (): DataDirectory => createDataDirectory(path, { clock, log, metrics, boot });
  const before = open();
  const spool = before.spoolLog("pyroscope.write.left", options);
  for (let count = 0; count < 2; count++) {
    const appended = spool.append(toRecord(aProfile()), [owner]);
    await spool.flush();
    await appended;
  }
  await before.close();
  const storage = open();
  cleanups.push(() => storage.close());
  const components = new LeftComponents({ storage, clock, log, metrics });
  return { clock, log, metrics, storage, components, spools: join(path, "spool") };
}

describe("the log of a component that left the configuration", () => {
  test("is named with what is in it, once, kept until it is too old, counted, and removed", async () => {
    const { clock, log, metrics, components, spools } = await aDirectory();
    components.applyConfig([{ id: "pyroscope.write.other" }]);
    await components.check();
    await components.check();
    expect(log.lines).toMatchObject([
      {
        level: "warn",
        message: "Profiles on disk are for a component that is not in the configuration",
        fields: { component: "pyroscope.write.left", profiles: 2, kept_for: "50m" },
      },
    ]);
    await clock.advance(writeLimits.leftAgeMs);
    await components.check();
    expect(readdirSync(spools)).toEqual(["pyroscope.write.left"]);
    await clock.advance(writeLimits.leftExpireMs);
    await components.check();
    expect(await metrics.text()).toContain(
      'dropped_profiles_total{component_id="pyroscope.write.left",endpoint="main",reason="endpoint_removed"} 2',
    );
    expect(readdirSync(spools)).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test("is shown with what is in it and until when it is kept, whatever the wall clock is set to meanwhile", async () => {
    const { clock, components } = await aDirectory();
    expect(components.snapshot()).toEqual([]);
    components.applyConfig([]);
    await clock.advance(60_000);
    await components.check();
    const [first] = components.snapshot();
    expect(first).toMatchObject({
      component: "pyroscope.write.left",
      profiles: 2,
      bytes: expect.any(Number) as number,
    });
    expect(clock.now() - (first?.oldestMs ?? 0)).toBe(60_000);
    expect((first?.keptUntilMs ?? 0) - clock.now()).toBe(writeLimits.leftAgeMs - 60_000);
    clock.jumpWall(3_600_000);
    expect(clock.now() - (components.snapshot()[0]?.oldestMs ?? 0)).toBe(60_000);
    await clock.advance(writeLimits.leftAgeMs);
    await components.check();
    expect(components.snapshot()).toEqual([]);
  });

  test("is shown as long as files of a later version are there", async () => {
    const { clock, components, spools } = await aDirectory();
    const file = join(spools, "pyroscope.write.left", "0000000000000001.log");
    const bytes = readFileSync(file);
    const header = readHeader("log", bytes);
    if (!header) throw new Error("No header");
    bytes.set(encodeHeader("log", { ...header, version: formatVersion + 1 }));
    writeFileSync(file, bytes);
    components.applyConfig([]);
    for (let round = 0; round < 2; round++) await components.check();
    expect(components.snapshot()).toEqual([
      { component: "pyroscope.write.left", profiles: 0, bytes: 0, newerBytes: bytes.length },
    ]);
    rmSync(join(spools, "pyroscope.write.left"), { recursive: true });
    await clock.advance(1);
    await components.check();
    expect(components.snapshot()).toEqual([]);
  });

  test("is its own again when it comes back", async () => {
    const { clock, storage, components } = await aDirectory();
    components.applyConfig([]);
    await components.check();
    components.applyConfig([{ id: "pyroscope.write.left" }]);
    const spool = storage.spoolLog("pyroscope.write.left", options);
    await spool.open();
    expect(spool.usage(owner).records).toBe(2);
    await clock.advance(2 * writeLimits.leftAgeMs);
    await components.check();
    expect(spool.usage(owner).records).toBe(2);
    expect((await spool.read(1)).data.length).toBeGreaterThan(0);
  });

  test("is looked after although another cannot be read", async () => {
    const { clock, components, spools } = await aDirectory();
    // A file where the directory of a log should be, first and last by name.
    for (const name of ["pyroscope.write.a", "pyroscope.write.z"]) {
      mkdirSync(join(spools, name));
      mkdirSync(join(spools, name, "0000000000000001.log"));
    }
    components.applyConfig([]);
    await components.check();
    expect(components.snapshot()).toMatchObject([{ component: "pyroscope.write.left", profiles: 2 }]);
    await clock.advance(writeLimits.leftAgeMs + 1);
    await components.check();
    expect(components.snapshot()).toEqual([]);
  });

  test("is left to a component of the configuration, and to one that is still ending", async () => {
    const { log, storage, components } = await aDirectory();
    components.applyConfig([{ id: "pyroscope.write.left" }]);
    await components.check();
    const ending = storage.spoolLog("pyroscope.write.left", options);
    await ending.open();
    components.applyConfig([]);
    await components.check();
    expect(log.lines).toEqual([]);
    expect(ending.usage(owner).records).toBe(2);
    await ending.close();
    await components.check();
    expect(log.messages("warn")).toHaveLength(1);
  });

  test("keeps its directory for what is not the agent's, and is not opened again and again", async () => {
    const { clock, log, components, spools } = await aDirectory();
    const folder = join(spools, "pyroscope.write.left");
    mkdirSync(join(folder, "damaged"));
    writeFileSync(join(folder, "notes.txt"), "");
    components.applyConfig([]);
    await clock.advance(2 * writeLimits.leftAgeMs);
    for (let round = 0; round < 3; round++) await components.check();
    expect(readdirSync(folder).toSorted()).toEqual(["damaged", "notes.txt"]);
    expect(log.messages("warn").filter((line) => line.startsWith("Files in the directory"))).toHaveLength(1);
  });

  test("is looked for every minute until the end, and nothing is made for it", async () => {
    const { clock, components, spools, storage } = await aDirectory();
    const end = new AbortController();
    await clock.advance(2 * writeLimits.leftAgeMs);
    const ended = components.run(end.signal);
    await eventually("its removal", () => readdirSync(spools).length === 0 || undefined);
    await eventually("the next look", () => clock.pending > 0 || undefined);
    rmSync(storage.path, { recursive: true });
    await clock.advance(writeLimits.leftCheckMs);
    end.abort();
    await ended;
    expect(existsSync(storage.path)).toBe(false);
    expect(clock.pending).toBe(0);
  });
});
