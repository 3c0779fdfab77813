import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/index.ts";
import { createMetrics } from "../../src/observability/index.ts";
import type { DirectoryAccess } from "../../src/storage/directory-access.ts";
import { LogDisk } from "../../src/storage/log-disk.ts";
import { createSpoolMetrics } from "../../src/storage/spool-metrics.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { directoryAt, openedLogs, openLog, wanted } from "./a-directory.ts";

const opened = openedLogs();

const firstLog = "0000000000000001.log";

describe("A data directory that is removed while the agent runs", () => {
  test("is made anew: what was in it is lost and told, and nothing is written where nobody finds it", async () => {
    const { append, text, log, lost, directory, files } = await opened();
    await append("1", ["a", "b"]);
    rmSync(directory.path, { recursive: true });
    await expect(append("2")).rejects.toMatchObject({
      reason: "io",
      message: expect.stringContaining("somebody removed or replaced its files while the agent was running") as string,
    });
    expect(lost.map(({ owner, reason }) => [owner, reason])).toEqual([
      ["a", "spool_damaged"],
      ["b", "spool_damaged"],
    ]);
    expect(wanted(log)).toEqual([]);
    const number = await append("3");
    expect(number).toBeGreaterThan(1);
    expect(await text(number)).toBe("3");
    expect(readFileSync(join(directory.path, "lock"), "utf8")).not.toBe("");
    expect(readdirSync(files)).toHaveLength(1);
    expect(log.snapshot().problem).toBeUndefined();
  });

  test("belongs to the agent that made it anew", async () => {
    const first = await opened();
    await first.append("1");
    await first.append("2");
    rmSync(first.directory.path, { recursive: true });
    const second = await opened({ path: first.directory.path });
    await second.append("of the second");
    const content = readFileSync(join(second.files, firstLog));
    // It would delete the segment of its own of that name.
    for (const number of wanted(first.log)) first.log.settle(number, "a");
    await expect(first.log.flush()).rejects.toMatchObject({ reason: "io" });
    await expect(first.append("3")).rejects.toMatchObject({ reason: "locked" });
    expect(readdirSync(second.files)).toEqual([firstLog]);
    expect(readFileSync(join(second.files, firstLog))).toEqual(content);
  });

  test("is not made anew by what only reads, nor by the end", async () => {
    const { append, directory } = await opened();
    await append("1");
    rmSync(directory.path, { recursive: true });
    expect(await directory.read("x", { maxBytes: 1 })).toBeUndefined();
    await directory.close();
    expect(existsSync(directory.path)).toBe(false);
  });

  test("is made anew by what is saved", async () => {
    const { append, directory } = await opened();
    await append("1");
    rmSync(directory.path, { recursive: true });
    expect(await directory.save("x", [], { makeDirectory: false })).toBe(false);
    expect(existsSync(directory.path)).toBe(false);
    expect(await directory.save("x", [])).toBe(true);
    expect(readdirSync(directory.path).toSorted()).toEqual(["lock", "x"]);
  });

  test("has what was settled meanwhile settled where only its lock was removed", async () => {
    const { append, log, lost, directory } = await opened();
    for (const text of ["1", "2", "3"]) await append(text, ["a", "b"]);
    rmSync(join(directory.path, "lock"));
    // Before it is noticed, so that nothing of it is on disk yet.
    log.settle(1, "a");
    const noticed = log.flush();
    log.settle(2, "b");
    await expect(noticed).rejects.toMatchObject({ reason: "io" });
    expect([wanted(log, "a"), wanted(log, "b"), lost]).toEqual([[2, 3], [1, 3], []]);
    await log.flush();
    await directory.close();
    const again = await openLog({ path: directory.path });
    expect([wanted(again.log, "a"), wanted(again.log, "b")]).toEqual([
      [2, 3],
      [1, 3],
    ]);
    await again.directory.close();
  });

  test("has its records again where only its lock was removed", async () => {
    const { append, text, log, lost, directory } = await opened();
    await append("1");
    rmSync(join(directory.path, "lock"));
    await expect(append("2")).rejects.toMatchObject({ reason: "io" });
    expect(lost).toEqual([]);
    expect(wanted(log)).toEqual([1]);
    expect(await text(1)).toBe("1");
    await append("3");
    expect(wanted(log)).toHaveLength(2);
  });
});

describe("A data directory at whose place another one is put", () => {
  test("is lost and told, also where the other one has the same numbers; what that holds is read", async () => {
    const other = await opened();
    await other.append("of the other", ["a"]);
    await other.directory.close();
    const { append, text, log, lost, directory } = await opened();
    await append("1", ["a", "b"]);
    renameSync(directory.path, `${directory.path}-before`);
    renameSync(other.directory.path, directory.path);
    await expect(append("2")).rejects.toMatchObject({ reason: "io" });
    expect(lost.map(({ number, owner, reason }) => [number, owner, reason])).toEqual([
      [1, "a", "spool_damaged"],
      [1, "b", "spool_damaged"],
    ]);
    expect(wanted(log)).toEqual([1]);
    expect(await text(1)).toBe("of the other");
  });
});

test("A log that is opened by several at once, one of whom is slow, has every record once", async () => {
  const before = await opened();
  await before.append("1");
  await before.directory.close();
  const slow = Promise.withResolvers<boolean>();
  const answers = [slow.promise, Promise.resolve(true)];
  const access = { times: 1, acquireExisting: () => answers.shift() } as unknown as DirectoryAccess;
  const disk = new LogDisk(before.files, {
    access,
    clock: systemClock,
    log: createMemoryLog(),
    metrics: createSpoolMetrics(createMetrics(), { component_id: "w" }),
    bootId: "run",
    current: () => ({ maxBytes: 1e6, onLost() {} }),
  });
  const late = disk.open();
  await disk.open();
  slow.resolve(true);
  await late;
  expect(disk.index.usage("a").records).toBe(1);
  await disk.close();
});

describe("A segment that somebody removes", () => {
  test("costs what was in it, and is not written to any more", async () => {
    const before = await opened();
    await before.append("1");
    await before.directory.close();
    const { append, log, lost, files } = await opened({ path: before.directory.path });
    await append("2");
    rmSync(join(files, "0000000000000002.log"));
    await expect(append("3")).rejects.toMatchObject({ reason: "io" });
    expect(lost).toMatchObject([{ owner: "a", reason: "spool_damaged" }]);
    expect(wanted(log)).toEqual([1]);
    const number = await append("4");
    expect(wanted(log)).toEqual([1, number]);
  });

  test("is not written to where it was only moved away", async () => {
    const { append, log, files, directory } = await opened();
    await append("1");
    const elsewhere = join(directory.path, "elsewhere");
    renameSync(join(files, firstLog), elsewhere);
    const content = readFileSync(elsewhere);
    await expect(append("2")).rejects.toMatchObject({ reason: "io" });
    expect(readFileSync(elsewhere)).toEqual(content);
    expect(wanted(log)).toEqual([]);
    expect(await append("3")).toBeGreaterThan(1);
  });

  test("is said to be gone by who reads it, in words of its own", async () => {
    const before = await opened();
    for (const text of ["1", "2"]) await before.append(text);
    await before.directory.close();
    const { log, lost, files, directory } = await opened({ path: before.directory.path });
    renameSync(join(files, firstLog), join(directory.path, "elsewhere"));
    await expect(log.read(1)).rejects.toThrow(/Cannot read record 1 of ".*": somebody removed the file; it is lost/);
    expect(lost).toHaveLength(2);
    expect(wanted(log)).toEqual([]);
    expect(directory.log.messages("warn")).toEqual(["Somebody removed a segment of a log; what was in it is lost"]);
  });
});

describe("A log that is closed while it opens", () => {
  const turns = async (count: number): Promise<void> => {
    for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  test("touches nothing once it is closed: the next agent may have the directory", async () => {
    for (let turn = 0; turn < 40; turn++) {
      const { append, directory, files } = await openLog();
      await append("1");
      await directory.close();
      const late = directoryAt(directory.path);
      // It would delete everything, to be within its bound.
      const log = late.spoolLog("pyroscope.write.staging", { maxBytes: 1, onLost() {} });
      const opening = log.open().catch(() => {});
      await turns(turn);
      await late.close();
      const atClose = readdirSync(files);
      await opening;
      await turns(50);
      expect(readdirSync(files)).toEqual(atClose);
    }
  });
});
