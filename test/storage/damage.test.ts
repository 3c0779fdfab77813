import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { encodeHeader } from "../../src/storage/file-header.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { bytes, directoryAt, freshPath, type LogUnderTest, metric, openLog, wanted } from "./a-directory.ts";

const firstLog = "0000000000000001.log";
const firstJournal = "0000000000000001.settled";

/** A closed log of five records for "a" and "b", each of `size` bytes; gives where its files are. */
async function makeLog(options: { path?: string; size?: number } = {}): Promise<{ path: string; files: string }> {
  const { path = freshPath(), size = 1000 } = options;
  const { directory, files, append } = await openLog({ path });
  for (const letter of ["1", "2", "3", "4", "5"]) await append(letter.repeat(size), ["a", "b"]);
  await directory.close();
  return { path, files };
}

/** Changes one byte, at the middle of the record's data. */
function damage(files: string, letter: string, name = firstLog): void {
  const content = readFileSync(join(files, name));
  const at = content.indexOf(letter.repeat(100));
  content[at + 50] = 0;
  writeFileSync(join(files, name), content);
}

const warnings = ({ directory }: LogUnderTest): readonly string[] => directory.log.messages("warn");
const lostToDamage = ({ directory }: LogUnderTest): Promise<number> =>
  metric(directory.metrics, /records_lost_total.*spool_damaged/);

describe("A segment with damage in the middle", () => {
  test("loses the records that were hit, counts them and says so once", async () => {
    const { path, files } = await makeLog();
    damage(files, "2");
    damage(files, "3");
    const opened = await openLog({ path });
    expect(wanted(opened.log)).toEqual([1, 4, 5]);
    expect(await opened.text(4)).toBe("4".repeat(1000));
    expect(await lostToDamage(opened)).toBe(2);
    const ofNobody = { number: undefined, owner: "", reason: "spool_damaged", bytes: 0 } as const;
    expect(opened.lost).toEqual([ofNobody, ofNobody]);
    expect(warnings(opened)).toEqual(["Records of a log are damaged; the others of their segment are kept"]);
    await opened.directory.close();
  });

  test("is set aside once its good records are settled, and never deleted", async () => {
    const { path, files } = await makeLog();
    damage(files, "2");
    const content = readFileSync(join(files, firstLog));
    const { log, directory } = await openLog({ path });
    for (const owner of ["a", "b"]) for (const number of wanted(log, owner)) log.settle(number, owner);
    await log.flush();
    expect(log.snapshot()).toMatchObject({ segments: 0, bytes: 0 });
    const [kept = "", ...others] = readdirSync(join(files, "damaged"));
    expect(kept).toMatch(/^0000000000000001-[0-9a-f]{8}\.log$/);
    expect(others).toEqual([]);
    expect(readFileSync(join(files, "damaged", kept))).toEqual(content);
    expect(statSync(join(files, "damaged")).mode & 0o777).toBe(0o700);
    expect(readdirSync(files)).toEqual(["damaged"]);
    await directory.close();
  });

  test("is noticed while it runs too: who wanted the record is told, and the reader", async () => {
    const { path, files } = await makeLog();
    const opened = await openLog({ path });
    const { log, lost, directory } = opened;
    damage(files, "2");
    damage(files, "3");
    log.settle(3, "b");
    const size = log.bytesOf(2);
    await expect(log.read(2)).rejects.toMatchObject({ reason: "damaged" });
    await expect(log.read(3)).rejects.toThrow(/Cannot read record 3 of ".*0{15}1\.log": its checksum is wrong/);
    expect(lost).toEqual([
      { number: 2, owner: "a", reason: "spool_damaged", bytes: size },
      { number: 2, owner: "b", reason: "spool_damaged", bytes: size },
      { number: 3, owner: "a", reason: "spool_damaged", bytes: size },
    ]);
    expect(await lostToDamage(opened)).toBe(2);
    expect(warnings(opened)).toHaveLength(1);
    expect(wanted(log)).toEqual([1, 4, 5]);
    await directory.close();
  });

  test("takes for no record what stands inside of a profile", async () => {
    const other = await makeLog();
    const { path, files, log, directory, append } = { path: freshPath(), ...(await openLog({ path: freshPath() })) };
    const inner = readFileSync(join(other.files, firstLog));
    const appended = log.append({ meta: bytes("x".repeat(200)), data: inner }, ["a"]);
    await append("after");
    expect(await appended).toBe(1);
    await directory.close();
    damage(files, "x");
    const opened = await openLog({ path: directory.path });
    expect(wanted(opened.log)).toEqual([2]);
    expect(await opened.text(2)).toBe("after");
    await opened.directory.close();
    expect(path).not.toBe(directory.path);
  });
});

describe("A segment that cannot be read at all", () => {
  test.each([
    ["a foreign file of its name", "this is no log"],
    ["zeros", "\0".repeat(5000)],
  ])("is set aside: %s", async (_title, content) => {
    const { path, files } = await makeLog();
    writeFileSync(join(files, firstLog), content);
    writeFileSync(join(files, "0000000000000007.log"), content.repeat(500));
    const opened = await openLog({ path });
    expect(wanted(opened.log)).toEqual([]);
    expect(await opened.append("new")).toBeGreaterThan(7);
    expect(warnings(opened)).toEqual(Array(2).fill("A segment of a log cannot be read, and was set aside"));
    expect(readdirSync(join(files, "damaged"))).toHaveLength(2);
    await opened.directory.close();
  });

  test("is deleted where it has no content: a process ended while it made the file", async () => {
    const { path, files } = await makeLog();
    writeFileSync(join(files, "0000000000000006.log"), "");
    const opened = await openLog({ path });
    expect(wanted(opened.log)).toEqual([1, 2, 3, 4, 5]);
    expect(readdirSync(files)).not.toContain("0000000000000006.log");
    expect(warnings(opened)).toEqual([]);
    await opened.directory.close();
  });

  test("makes room for the next ones: sixteen are kept, the newest", async () => {
    const path = freshPath();
    const { files, directory } = await openLog({ path });
    mkdirSync(files, { recursive: true });
    for (let number = 1; number <= 20; number++)
      writeFileSync(join(files, `${String(number).padStart(16, "0")}.log`), `no log ${number}`.repeat(100));
    await directory.close();
    const opened = await openLog({ path });
    const kept = readdirSync(join(files, "damaged"));
    expect(kept).toHaveLength(16);
    expect(kept.some((name) => name.includes("0020-"))).toBe(true);
    expect(kept.some((name) => name.includes("0001-"))).toBe(false);
    await opened.directory.close();
  });
});

describe("A journal", () => {
  /** The same log, whose first two records "a" has settled and whose third "c" has adopted. */
  const makeJournal = async (): Promise<{ path: string; files: string }> => {
    const { path, files } = await makeLog();
    const { log, directory } = await openLog({ path });
    log.settle(1, "a");
    await log.flush();
    log.settle(2, "a");
    await log.flush();
    log.adopt(3, "c");
    await directory.close();
    return { path, files };
  };

  test("with damage is set aside, and its records are wanted again by their first owners", async () => {
    const { path, files } = await makeJournal();
    const content = readFileSync(join(files, firstJournal));
    content[200] = (content[200] as number) ^ 1;
    writeFileSync(join(files, firstJournal), content);
    const opened = await openLog({ path });
    expect(wanted(opened.log, "a")).toEqual([1, 2, 3, 4, 5]);
    expect(wanted(opened.log, "c")).toEqual([]);
    expect(warnings(opened)).toHaveLength(1);
    expect(readdirSync(join(files, "damaged"))).toHaveLength(1);
    // It begins anew, and counts again.
    opened.log.settle(5, "a");
    await opened.directory.close();
    const again = await openLog({ path });
    expect(wanted(again.log, "a")).toEqual([1, 2, 3, 4]);
    expect(warnings(again)).toEqual([]);
    await again.directory.close();
  });

  test("that is missing leaves everything wanted by its first owners", async () => {
    const { path, files } = await makeJournal();
    writeFileSync(join(files, firstJournal), "");
    const { log, directory } = await openLog({ path });
    expect(wanted(log, "a")).toEqual([1, 2, 3, 4, 5]);
    await directory.close();
  });

  test("whose segment is gone is deleted: its deletion was interrupted", async () => {
    const { path, files } = await makeJournal();
    writeFileSync(join(files, "0000000000000009.settled"), readFileSync(join(files, firstJournal)));
    const { directory } = await openLog({ path });
    expect(readdirSync(files).toSorted()).toEqual([firstLog, firstJournal]);
    await directory.close();
  });

  test("of another segment does not count", async () => {
    const one = await makeJournal();
    const other = await makeLog();
    writeFileSync(join(other.files, firstJournal), readFileSync(join(one.files, firstJournal)));
    const { log, directory } = await openLog({ path: other.path });
    expect(wanted(log, "a")).toEqual([1, 2, 3, 4, 5]);
    await directory.close();
  });
});

describe("A segment that cannot be opened", () => {
  test("is left alone, and costs nothing of the others", async () => {
    const { path, files } = await makeLog();
    mkdirSync(join(files, "0000000000000009.log"));
    symlinkSync("nowhere", join(files, "0000000000000020.log"));
    mkdirSync(join(files, firstJournal));
    const opened = await openLog({ path });
    expect(wanted(opened.log)).toEqual([1, 2, 3, 4, 5]);
    expect(await opened.append("new")).toBeGreaterThan(20);
    expect(warnings(opened).toSorted()).toEqual([
      "A segment of a log cannot be opened and is left alone; the others are used",
      "A segment of a log cannot be opened and is left alone; the others are used",
      "The journal of a segment is damaged and was set aside; what it says was sent is sent again",
    ]);
    expect(await metric(opened.directory.metrics, /^agent_spool_left_alone_segments.*"unreadable"/)).toBe(2);
    expect(readdirSync(files)).toContain("0000000000000009.log");
    await opened.directory.close();
  });

  test("rejects where no file at all can be opened, so that it is tried again", async () => {
    const { path } = await makeLog();
    const methods = Object.getPrototypeOf(await probe()) as { stat: unknown };
    const { stat } = methods;
    methods.stat = () => Promise.reject(Object.assign(new Error("EMFILE"), { code: "EMFILE" }));
    const directory = directoryAt(path);
    const log = directory.spoolLog("pyroscope.write.staging", { maxBytes: 1e6, onLost() {} });
    await expect(log.open()).rejects.toMatchObject({ reason: "io" });
    methods.stat = stat;
    await log.open();
    expect(wanted(log)).toEqual([1, 2, 3, 4, 5]);
    await directory.close();
  });
});

describe("A disk that cannot give a part of a segment", () => {
  test("costs the records that it hits, in the newest segment too, and nothing is cut off", async () => {
    const { path, files } = await makeLog({ size: 10_000 });
    const size = statSync(join(files, firstLog)).size;
    const methods = Object.getPrototypeOf(await probe()) as { read: (...given: unknown[]) => unknown };
    const { read } = methods;
    const badPages = [20_480, 90_112];
    methods.read = function (this: FileHandle, ...given: unknown[]) {
      const [, , count, position] = given as [unknown, unknown, number, number];
      if (badPages.some((page) => position < page + 4096 && position + count > page))
        return Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }));
      return read.apply(this, given);
    };
    const opened = await openLog({ path });
    methods.read = read;
    expect(wanted(opened.log)).toEqual([1, 3, 4]);
    expect(await lostToDamage(opened)).toBe(2);
    expect(opened.directory.log.lines[0]?.fields).toMatchObject({ why: "The disk failed while it was read" });
    expect(statSync(join(files, firstLog)).size).toBe(size);
    await opened.directory.close();
  });
});

describe("A disk that fails while a record is read", () => {
  /** A log whose second record cannot be read; the disk takes writes where `isThere`. */
  async function withBadSector({ isThere, failures = Infinity }: { isThere: boolean; failures?: number }) {
    const opened = await openLog();
    for (const letter of ["1", "2", "3"]) await opened.append(letter, ["a", "b"]);
    const shared = Object.getPrototypeOf(await probe()) as Record<"read" | "writev", (...given: unknown[]) => unknown>;
    const { read, writev } = shared;
    const failed = (): Promise<never> => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }));
    let left = failures;
    shared.read = function (this: FileHandle, ...given: unknown[]) {
      left -= 1;
      return left >= 0 ? failed() : read.apply(this, given);
    };
    if (!isThere) shared.writev = failed;
    return { ...opened, heal: () => Object.assign(shared, { read, writev }) };
  }

  test("has lost it where it takes writes: that is damage, told to whom it concerns", async () => {
    const opened = await withBadSector({ isThere: true });
    const { log, lost, directory, heal } = opened;
    await expect(log.read(2)).rejects.toMatchObject({ reason: "damaged" });
    heal();
    expect(lost.map(({ number, owner, reason }) => [number, owner, reason])).toEqual([
      [2, "a", "spool_damaged"],
      [2, "b", "spool_damaged"],
    ]);
    expect([wanted(log), warnings(opened)]).toEqual([
      [1, 3],
      ["Records of a log are damaged; the others of their segment are kept"],
    ]);
    await directory.close();
  });

  test("has lost nothing where it takes no write either: it may be there again", async () => {
    const { log, lost, directory, text, heal } = await withBadSector({ isThere: false });
    await expect(log.read(2)).rejects.toThrow(/Cannot read ".*0{15}1\.log": the disk failed/);
    heal();
    expect([lost, wanted(log), await text(2)]).toEqual([[], [1, 2, 3], "2"]);
    await directory.close();
  });

  test("gives it where it fails once", async () => {
    const { log, lost, directory, text, heal } = await withBadSector({ isThere: true, failures: 1 });
    expect(await text(2)).toBe("2");
    heal();
    expect([lost, wanted(log)]).toEqual([[], [1, 2, 3]]);
    await directory.close();
  });
});

/** A file handle, for what all of them share. */
async function probe(): Promise<FileHandle> {
  const file = await open(import.meta.filename, "r");
  await file.close();
  return file;
}

describe("A segment of a later version", () => {
  const name = "0000000000000006.log";

  const makeNewer = async (bytesMore = 4000): Promise<{ path: string; files: string }> => {
    const { path, files } = await makeLog();
    const later = encodeHeader("log", { version: 2, marker: new Uint8Array(8), first: 6, bootId: "" });
    writeFileSync(join(files, name), Buffer.concat([later, new Uint8Array(bytesMore)]));
    writeFileSync(join(files, "0000000000000006.settled"), "of a later version");
    return { path, files };
  };

  test("is left alone, with a word of what to do, and numbers go on above it", async () => {
    const { path, files } = await makeNewer();
    const opened = await openLog({ path, maxBytes: 8000 });
    const before = readFileSync(join(files, name));
    for (let index = 0; index < 8; index++)
      expect(await opened.append("6".repeat(1000))).toBeGreaterThan(6 + 4000 / 52);
    for (const owner of ["a", "b"]) for (const number of wanted(opened.log, owner)) opened.log.settle(number, owner);
    const [line] = opened.directory.log.lines;
    expect(line?.message).toStartWith("A segment was written by a later version of the agent and is left alone");
    expect(line?.fields).toMatchObject({ path: join(files, name), format: 2 });
    await opened.directory.close();
    expect(readdirSync(files).toSorted()).toEqual([name, "0000000000000006.settled"]);
    expect(readFileSync(join(files, name))).toEqual(before);
  });

  test("counts in the bound, and goes for room only when no server would take what is in it", async () => {
    const clock = new FakeClock();
    const { path, files } = await makeNewer(20_000);
    const { append, log, directory } = await openLog({ path, maxBytes: 20_500, clock });
    expect(log.snapshot().newerBytes).toBe(20_192);
    expect(await metric(directory.metrics, /^agent_spool_newer_format_bytes/)).toBe(20_192);
    await expect(append("6".repeat(1000))).rejects.toMatchObject({
      reason: "newer_format",
      message: expect.stringContaining("run that version to send them, or raise max_disk") as string,
    });
    expect(readdirSync(files)).toContain(name);
    await clock.advance(3_600_000);
    await append("6".repeat(1000));
    expect(readdirSync(files)).not.toContain(name);
    expect(log.snapshot().newerBytes).toBeUndefined();
    expect(await metric(directory.metrics, /^agent_spool_left_alone_segments.*"newer_format"/)).toBe(0);
    await directory.close();
  });
});
