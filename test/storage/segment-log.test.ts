import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/child.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { bytes, directoryAt, freshPath, metric, openedLogs, wanted } from "./a-directory.ts";

const opened = openedLogs();

describe("A segment log", () => {
  test("gives back what was appended, by number", async () => {
    const { log, append } = await opened();
    const first = await append("one");
    const second = await append("two");
    expect(second).toBe(first + 1);
    const { meta, data } = await log.read(second);
    expect(new TextDecoder().decode(meta)).toBe("meta of two");
    expect(new TextDecoder().decode(data)).toBe("two");
  });

  test("keeps empty parts and many owners", async () => {
    const { log } = await opened();
    const owners = Array.from({ length: 20 }, (_, index) => `endpoint ${index} ü`);
    const appended = log.append({ meta: bytes(""), data: bytes("") }, owners);
    await log.flush();
    const { meta, data } = await log.read(await appended);
    expect([meta.length, data.length]).toEqual([0, 0]);
    expect(log.owners().toSorted()).toEqual(owners.toSorted());
  });

  test("tells each owner what it wants still", async () => {
    const { log, append } = await opened();
    const numbers = [await append("1", ["a", "b"]), await append("2", ["b"]), await append("3", ["a"])] as const;
    expect(wanted(log, "a")).toEqual([numbers[0], numbers[2]]);
    expect(wanted(log, "b")).toEqual([numbers[0], numbers[1]]);
    log.settle(numbers[0], "a");
    log.adopt(numbers[1], "a");
    expect(wanted(log, "a")).toEqual([numbers[1], numbers[2]]);
    expect(log.usage("a")).toEqual({ records: 2, bytes: log.bytesOf(numbers[1]) + log.bytesOf(numbers[2]) });
    expect(log.usage("nobody")).toEqual({ records: 0, bytes: 0 });
  });

  test("takes no notice of what is settled twice or adopted when it is gone", async () => {
    const { log, append } = await opened();
    const number = await append("1", ["a", "b"]);
    log.settle(number, "a");
    log.settle(number, "a");
    log.settle(number, "nobody");
    log.settle(number + 1, "b");
    log.adopt(number + 1, "a");
    expect(wanted(log, "a")).toEqual([]);
    expect(wanted(log, "b")).toEqual([number]);
  });

  test("keeps over a restart what is wanted, and only that", async () => {
    const path = freshPath();
    const before = await opened({ path });
    const numbers = [await before.append("1"), await before.append("2", ["a", "b"]), await before.append("3")] as const;
    before.log.settle(numbers[0], "a");
    before.log.adopt(numbers[2], "c");
    before.log.settle(numbers[2], "a");
    await before.directory.close();
    const { log, text } = await opened({ path });
    expect(wanted(log, "a")).toEqual([numbers[1]]);
    expect(wanted(log, "b")).toEqual([numbers[1]]);
    expect(wanted(log, "c")).toEqual([numbers[2]]);
    expect(await text(numbers[2])).toBe("3");
    expect(log.usage("a")).toEqual({ records: 1, bytes: log.bytesOf(numbers[1]) });
  });

  test("gives no number twice, whatever was deleted in between", async () => {
    const { log, append } = await opened();
    const first = await append("1");
    log.settle(first, "a");
    await log.flush();
    expect(await append("2")).toBeGreaterThan(first);
  });

  test("is made when something is written, and not before", async () => {
    const path = freshPath();
    const { log, append, files } = await opened({ path });
    await log.flush();
    expect(log.snapshot()).toMatchObject({ segments: 0, bytes: 0 });
    expect(() => statSync(path)).toThrow();
    await append("1");
    expect(statSync(files).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(files)) expect(statSync(join(files, name)).mode & 0o777).toBe(0o600);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  test("writes what comes within a commit's time together", async () => {
    const clock = new FakeClock();
    const { log, directory } = await opened({ clock });
    const appends = ["1", "2", "3"].map((text) => log.append({ meta: bytes(""), data: bytes(text) }, ["a"]));
    await clock.advance(199);
    expect(log.snapshot().bytes).toBe(0);
    await clock.advance(1);
    expect(await Promise.all(appends)).toEqual([1, 2, 3]);
    expect(await metric(directory.metrics, /^agent_spool_commits_total/)).toBe(1);
    expect(await metric(directory.metrics, /^agent_spool_written_bytes_total/)).toBe(log.snapshot().bytes);
  });

  test("writes at once what is large", async () => {
    const clock = new FakeClock();
    const { log } = await opened({ clock });
    expect(await log.append({ meta: bytes(""), data: new Uint8Array(1024 ** 2) }, ["a"])).toBe(1);
    expect(clock.pending).toBe(0);
  });

  test("writes what was settled within a second, and deletes what nobody wants after ten", async () => {
    const clock = new FakeClock();
    const { log, append, files } = await opened({ clock });
    log.settle(await append("1"), "a");
    const settledOn = (count: number): Promise<true> =>
      eventually(`${count} files`, async () => {
        await clock.advance(0);
        return readdirSync(files).length === count || undefined;
      });
    await settledOn(1);
    await clock.advance(1000);
    await settledOn(2);
    await clock.advance(9000);
    await settledOn(0);
    // The last sync may be a second away.
    await eventually("no timer", async () => {
      await clock.advance(1000);
      return clock.pending === 0 || undefined;
    });
  });

  test("deletes a segment as soon as nobody wants it, whatever its neighbours hold", async () => {
    const { log, files } = await opened({ maxBytes: 4 * 1024 ** 2 });
    const data = new Uint8Array(200 * 1024);
    const numbers: number[] = [];
    for (let index = 0; index < 10; index++) {
      const appended = log.append({ meta: bytes(""), data }, ["a"]);
      await log.flush();
      numbers.push(await appended);
    }
    const before = log.snapshot().segments;
    expect(before).toBeGreaterThan(3);
    log.settle(numbers[4] as number, "a");
    log.settle(numbers[5] as number, "a");
    await log.flush();
    expect(log.snapshot().segments).toBeLessThan(before);
    expect(readdirSync(files).filter((name) => name.endsWith(".log"))).toHaveLength(log.snapshot().segments);
    expect(wanted(log)).toEqual(numbers.filter((_, index) => index !== 4 && index !== 5));
  });

  test("lets the oldest go over its bound, and tells everybody who wanted it", async () => {
    const maxBytes = 1024 ** 2;
    const { log, lost, directory, files } = await opened({ maxBytes });
    for (let index = 0; index < 20; index++) {
      const appended = log.append({ meta: bytes(""), data: new Uint8Array(100 * 1024) }, ["a", "b"]);
      await log.flush();
      if ((await appended) % 2 === 0) log.settle(await appended, "b");
      expect(log.snapshot().bytes).toBeLessThanOrEqual(maxBytes);
    }
    await log.flush();
    const onDisk = readdirSync(files).reduce((sum, name) => sum + statSync(join(files, name)).size, 0);
    expect(onDisk).toBe(log.snapshot().bytes);
    expect(onDisk).toBeLessThanOrEqual(maxBytes);
    expect(onDisk).toBeGreaterThan(maxBytes / 2);
    const kept = wanted(log);
    expect(kept.at(-1)).toBe(20);
    expect(lost.filter(({ owner }) => owner === "a")).toHaveLength(20 - kept.length);
    expect(lost.filter(({ owner }) => owner === "b")).toHaveLength((20 - kept.length) / 2);
    expect(lost.every(({ reason, bytes: size }) => reason === "spool_full" && size > 100 * 1024)).toBe(true);
    expect(await metric(directory.metrics, /records_lost_total.*spool_full/)).toBe(20 - kept.length);
  });

  test("keeps its journals within the bound too", async () => {
    const maxBytes = 20_000;
    const { log, append } = await opened({ maxBytes });
    for (let index = 0; index < 200; index++) {
      const number = await append("x".repeat((index * 37) % 400), ["a", "b"]);
      if (index % 3 === 0) log.settle(number, "b");
      else log.adopt(number, `somebody else ${index}`.repeat(20));
      await log.flush();
      expect(log.snapshot().bytes).toBeLessThanOrEqual(maxBytes);
    }
  });

  test("loses nothing of what is settled while it writes a journal", async () => {
    const path = freshPath();
    const { log, append, directory } = await opened({ path });
    for (let index = 0; index < 100; index++) await append(String(index));
    for (let number = 1; number <= 99; number += 2) {
      log.settle(number, "a");
      const flushed = log.flush();
      for (let turn = number % 5; turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
      log.settle(number + 1, "a");
      await flushed;
    }
    await append("101");
    await directory.close();
    const again = await opened({ path });
    expect(wanted(again.log)).toEqual([101]);
  });

  test("has what was appended for the next one of its name, though that one is opened while it closes", async () => {
    const { log, directory } = await opened();
    const appended = log.append({ meta: bytes(""), data: new Uint8Array(1_000_000) }, ["a"]);
    const closed = log.close();
    const next = directory.spoolLog("pyroscope.write.staging", { maxBytes: 1e8, onLost() {} });
    await next.open();
    expect(wanted(next)).toEqual([1]);
    expect(await appended).toBe(1);
    await closed;
  });

  test("follows a bound that is lowered while it runs", async () => {
    const { log, lost } = await opened();
    for (let index = 0; index < 4; index++) {
      const appended = log.append({ meta: bytes(""), data: new Uint8Array(5 * 1024 ** 2) }, ["a"]);
      await log.flush();
      await appended;
    }
    const told: string[] = [];
    log.applyOptions({ maxBytes: 12 * 1024 ** 2, onLost: ({ reason }) => told.push(reason) });
    await log.flush();
    expect(log.snapshot().bytes).toBeLessThanOrEqual(12 * 1024 ** 2);
    expect(told).toEqual(["spool_full", "spool_full"]);
    expect(lost).toEqual([]);
  });

  test("refuses a record that is above the bound alone", async () => {
    const { log } = await opened({ maxBytes: 1000 });
    const appended = log.append({ meta: bytes(""), data: new Uint8Array(1000) }, ["a"]);
    await expect(appended).rejects.toMatchObject({ reason: "too_large" });
    await expect(appended).rejects.toThrow(/above the limit of 1000B.*raise max_disk/);
  });

  test("refuses owners whose names are too long", async () => {
    const { log } = await opened();
    await expect(log.append({ meta: bytes(""), data: bytes("") }, ["x".repeat(1001)])).rejects.toMatchObject({
      reason: "too_large",
    });
  });

  test("refuses everything once it is closed, after having written what it took", async () => {
    const path = freshPath();
    const { log, directory } = await opened({ path });
    const appended = log.append({ meta: bytes(""), data: bytes("1") }, ["a"]);
    await log.close();
    expect(await appended).toBe(1);
    for (const late of [
      () => log.append({ meta: bytes(""), data: bytes("") }, []),
      () => log.read(1),
      () => log.flush(),
    ])
      await expect(late()).rejects.toMatchObject({ reason: "closed" });
    const again = directory.spoolLog("pyroscope.write.staging", { maxBytes: 1e6, onLost() {} });
    expect(again).not.toBe(log);
    await again.open();
    expect(wanted(again)).toEqual([1]);
  });

  test("says that a record is gone when it was let go", async () => {
    const { log } = await opened();
    await expect(log.read(7)).rejects.toThrow(/Cannot read record 7 of ".*": it is not there any more/);
    expect(log.bytesOf(7)).toBe(0);
    expect(log.ageOf(7)).toBe("unknown");
  });

  test("is one object for one name", async () => {
    const directory = directoryAt(freshPath());
    const options = { maxBytes: 1e6, onLost() {} };
    expect(directory.spoolLog("x", options)).toBe(directory.spoolLog("x", options));
    expect(directory.spoolLog("y", options)).not.toBe(directory.spoolLog("x", options));
    expect(() => directory.spoolLog("../x", options)).toThrow('"../x"');
    await directory.close();
  });

  test("leaves foreign files alone, and says so once", async () => {
    const path = freshPath();
    const files = join(path, "spool", "pyroscope.write.staging");
    mkdirSync(files, { recursive: true });
    writeFileSync(join(files, "notes.txt"), "hello");
    mkdirSync(join(files, "backup"));
    const { append, directory } = await opened({ path });
    await append("1");
    expect(directory.log.lines.filter(({ level }) => level === "warn")).toMatchObject([{ fields: { files: 2 } }]);
    expect(readdirSync(files)).toContain("notes.txt");
  });

  test("knows the age of a record of this run whatever the wall clock did", async () => {
    const clock = new FakeClock(0);
    const boot = { id: "run 1", nowMs: () => 5000 + clock.monotonic() };
    const path = freshPath();
    const before = await opened({ path, clock, boot });
    const number = await before.append("1");
    await before.directory.close();
    await clock.advance(60_000);
    clock.jumpWall(Date.UTC(2030, 0, 1));
    const { log } = await opened({ path, clock, boot });
    expect(log.ageOf(number)).toBe(60_000);
    expect([log.appendedAtMs(number), log.isOfThisBoot(number)]).toEqual([0, true]);
  });

  test("counts the age of what has waited before from then on", async () => {
    const clock = new FakeClock();
    const boot = { id: "run 1", nowMs: () => 500_000 + clock.monotonic() };
    const { log, directory } = await opened({ path: freshPath(), clock, boot });
    const sinceWallMs = clock.now() - 7_200_000;
    const record = { meta: new Uint8Array(1), data: new Uint8Array(1) };
    const appended = log.append(record, ["a"], { waiting: { ageMs: 60_000, sinceWallMs } });
    await log.flush();
    const number = await appended;
    await clock.advance(1000);
    expect([log.ageOf(number), log.appendedAtMs(number)]).toEqual([61_000, sinceWallMs]);
    await directory.close();
  });

  test("does not know the age of a record of an earlier run without a clock", async () => {
    const clock = new FakeClock(0);
    const path = freshPath();
    const before = await opened({ path, clock, boot: { id: "run 1", nowMs: () => 0 } });
    const number = await before.append("1");
    await before.directory.close();
    const { log } = await opened({ path, clock, boot: { id: "run 2", nowMs: () => 0 } });
    expect(log.ageOf(number)).toBe("not_yet");
    clock.jumpWall(Date.UTC(2030, 0, 1));
    expect([log.ageOf(number), log.isOfThisBoot(number)]).toEqual(["unknown", false]);
  });

  test("is that of an earlier run where the boot clock began anew under its old id", async () => {
    const clock = new FakeClock();
    const path = freshPath();
    const before = await opened({ path, clock, boot: { id: "of the host", nowMs: () => 7_200_000 } });
    const number = await before.append("1");
    await before.directory.close();
    clock.jumpWall(2_400_000);
    const { log } = await opened({ path, clock, boot: { id: "of the host", nowMs: () => 5000 } });
    expect([log.ageOf(number), log.isOfThisBoot(number)]).toEqual([2_400_000, false]);
  });
});
