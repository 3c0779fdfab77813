import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/child.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { bytes, directoryAt, freshPath, metric, openLog, wanted } from "./a-directory.ts";
import { type WatchedSyncs, watchSyncs } from "./watched-syncs.ts";

let syncs: WatchedSyncs;
beforeEach(async () => {
  syncs = await watchSyncs();
});
afterEach(() => syncs.restore());

const firstLog = "0000000000000001.log";

describe("What is promised to be on disk", () => {
  test("is a record once it was synced, and the name of its file too where that is new", async () => {
    const { append, directory, files } = await openLog();
    const seen: unknown[] = [];
    syncs.onSync = (what) => seen.push(what === "file" && statSync(join(files, firstLog)).size > 200);
    await append("1");
    expect(syncs.done.slice(-2)).toEqual(["file", "directory"]);
    // It was written before, and not only opened.
    expect(seen.at(-2)).toBe(true);
    // The directories were made for it, each named in the one above: those come before.
    expect(syncs.done.filter((what) => what === "directory").length).toBeGreaterThanOrEqual(4);
    syncs.done.length = 0;
    await append("2");
    expect(syncs.done).toEqual(["file"]);
    await directory.close();
  });

  test("is a file that is saved whole: its content, then its name, then the directory", async () => {
    const directory = directoryAt(freshPath());
    await directory.save("first", []);
    syncs.done.length = 0;
    const isThere: boolean[] = [];
    syncs.onSync = () => isThere.push(existsSync(join(directory.path, "x")));
    await directory.save("x", [bytes("content")]);
    expect(syncs.done).toEqual(["file", "directory"]);
    expect(isThere).toEqual([false, true]);
    await directory.close();
  });

  test("is that a file is taken: it does not come back after a power cut", async () => {
    const directory = directoryAt(freshPath());
    await directory.save("x", [bytes("content")]);
    syncs.done.length = 0;
    await directory.take("x", { maxBytes: 100 });
    expect(syncs.done).toEqual(["directory"]);
    await directory.close();
  });

  test("is everything settled, once that is flushed", async () => {
    const { log, append, directory } = await openLog();
    await append("1", ["a", "b"]);
    await log.flush();
    syncs.done.length = 0;
    log.settle(1, "a");
    await log.flush();
    // The journal, which is new.
    expect(syncs.done).toEqual(["file", "directory"]);
    await directory.close();
  });
});

describe("What was settled", () => {
  /** Lets real files go on while the time stands still. */
  const settled = async (clock: FakeClock, what: string, probe: () => boolean): Promise<void> => {
    await eventually(what, async () => {
      await clock.advance(0);
      return probe() || undefined;
    });
  };

  test("is safe a second later, whatever else is due later", async () => {
    const clock = new FakeClock();
    const before = await openLog({ clock });
    const old = await before.append("old", ["a", "b"]);
    await before.directory.close();
    const { log, append, directory, files } = await openLog({ clock, path: before.directory.path });
    const live = await append("live");
    log.settle(live, "a");
    await settled(clock, "nothing but an empty segment", () => clock.pending > 0);
    await clock.advance(1000);
    // What is due next is that the empty segment goes, in 9 s.
    await settled(clock, "a journal", () => readdirSync(files).includes("0000000000000002.settled"));
    await settled(clock, "the end of the round", () => clock.pending > 0);
    syncs.done.length = 0;
    log.settle(old, "a");
    await clock.advance(1000);
    await settled(clock, "its sync", () => syncs.done.includes("file"));
    expect(readdirSync(files)).toContain("0000000000000001.settled");
    await directory.close();
  });

  test("is synced about every second while records are written all the time, and not with each of them", async () => {
    const clock = new FakeClock();
    const { log, append, directory } = await openLog({ clock });
    for (let number = 1; number <= 40; number++) await append(String(number), ["a", "b"]);
    await log.flush();
    syncs.done.length = 0;
    for (let number = 1; number <= 40; number++) {
      log.settle(number, "a");
      const appended = log.append({ meta: bytes(""), data: bytes("more") }, ["b"]);
      await clock.advance(200);
      await appended;
      for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve));
    }
    const journalSyncs = syncs.done.filter((what) => what === "file").length - 40;
    // 8 s.
    expect(journalSyncs).toBeGreaterThanOrEqual(7);
    expect(journalSyncs).toBeLessThanOrEqual(9);
    await directory.close();
  });
});

describe("A tail that was torn", () => {
  test("is cut off for good: it does not come back as damage", async () => {
    const { append, directory, files } = await openLog();
    for (const text of ["1", "2", "3"]) await append(text);
    await directory.close();
    const whole = readFileSync(join(files, firstLog));
    writeFileSync(join(files, firstLog), whole.subarray(0, whole.length - 3));
    syncs.done.length = 0;
    const sizes: number[] = [];
    syncs.onSync = () => sizes.push(statSync(join(files, firstLog)).size);
    const again = await openLog({ path: directory.path });
    expect(wanted(again.log)).toEqual([1, 2]);
    expect(syncs.done[0]).toBe("file");
    expect(sizes[0]).toBeLessThan(whole.length - 3);
    await again.directory.close();
  });
});

describe("A record whose sync failed", () => {
  const failing = (): void => {
    syncs.onSync = (what) => {
      if (what === "file") throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
    };
  };

  test("leaves its number to nobody else, for the disk may have it all the same", async () => {
    const { log, append, directory } = await openLog();
    for (const text of ["1", "2", "3"]) await append(text);
    failing();
    const refused = [log.append({ meta: bytes(""), data: bytes("old 4") }, ["a"]), append("old 5")];
    expect(await Promise.allSettled(refused)).toMatchObject([
      { reason: { reason: "io" } },
      { reason: { reason: "io" } },
    ]);
    syncs.onSync = () => {};
    expect(await append("new")).toBe(6);
    expect(wanted(log)).toEqual([1, 2, 3, 6]);
    await directory.close();
  });

  test("leaves its number to nobody else where it was the first of its file", async () => {
    const { append, directory } = await openLog();
    failing();
    await expect(append("old")).rejects.toMatchObject({ reason: "io" });
    syncs.onSync = () => {};
    expect(await append("new")).toBe(2);
    await directory.close();
  });

  test("is wanted by nobody where the next segment has its number, so that all can be settled", async () => {
    const [one, other] = [await openLog(), await openLog()];
    for (const text of ["1", "2", "3", "old 4", "old 5"]) await one.append(text);
    await one.directory.close();
    for (const text of ["1", "2", "3"]) await other.append(text);
    await other.directory.close();
    const next = await openLog({ path: other.directory.path });
    await next.append("new 4");
    await next.directory.close();
    cpSync(join(next.files, "0000000000000004.log"), join(one.files, "0000000000000004.log"));
    const { log, text, directory } = await openLog({ path: one.directory.path });
    expect(wanted(log)).toEqual([1, 2, 3, 4]);
    expect(await text(4)).toBe("new 4");
    for (const number of wanted(log)) log.settle(number, "a");
    expect(log.usage("a")).toEqual({ records: 0, bytes: 0 });
    await log.flush();
    expect(log.snapshot().bytes).toBe(0);
    expect(await metric(directory.metrics, /^agent_spool_records_lost_total/)).toBe(0);
    await directory.close();
  });
});
