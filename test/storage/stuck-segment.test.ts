import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { limits } from "../../src/base/index.ts";
import { encodeHeader } from "../../src/storage/file-header.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { type LogUnderTest, openedLogs, wanted } from "./a-directory.ts";

const openLog = openedLogs();
const text = "x".repeat(1000);
const stuckWarning = "A segment that nobody needs cannot be removed; it is tried again";

const warnings = ({ directory }: LogUnderTest): readonly string[] => directory.log.messages("warn");
const logAt = (files: string, first: number): string => join(files, `${String(first).padStart(16, "0")}.log`);

/** Puts a directory with something in it where a file is, which nothing deletes then; gives how it is undone. */
function shield(path: string): () => void {
  renameSync(path, `${path}~`);
  mkdirSync(join(path, "something"), { recursive: true });
  return () => {
    rmSync(path, { recursive: true });
    renameSync(`${path}~`, path);
  };
}

/** A log whose first segment is damaged and whose `damaged` is a file; the records 2 to 5 are there. */
async function withDamage(maxBytes = 1_000_000): Promise<LogUnderTest> {
  const before = await openLog({ maxBytes });
  await before.append(text);
  await before.append("2");
  await before.directory.close();
  const first = logAt(before.files, 1);
  const content = readFileSync(first);
  content[content.indexOf(text) + 500] = 0;
  writeFileSync(first, content);
  const opened = await openLog({ path: before.directory.path, maxBytes });
  for (const letter of ["3", "4", "5"]) await opened.append(letter);
  writeFileSync(join(opened.files, "damaged"), "of somebody else");
  return opened;
}

describe("A damaged segment that cannot be set aside", () => {
  test("stops nothing else: records are taken, and what was settled is written down", async () => {
    const opened = await withDamage();
    const { log, append, files, directory } = opened;
    for (const number of [2, 3, 4]) log.settle(number, "a");
    await log.flush();
    expect(await append("6")).toBe(6);
    await log.flush();
    expect(log.snapshot().problem).toBeUndefined();
    expect(warnings(opened).filter((message) => message === stuckWarning)).toHaveLength(1);
    const said = directory.log.lines.find(({ message }) => message === stuckWarning);
    expect(said?.fields["err"]).toMatchObject({ message: expect.stringContaining(`${files}/damaged`) as string });
    await directory.close();
    const again = await openLog({ path: directory.path });
    expect(wanted(again.log)).toEqual([5, 6]);
  });

  test("counts in the bound", async () => {
    const maxBytes = 10_000;
    const { log, append, files } = await withDamage(maxBytes);
    log.settle(2, "a");
    await log.flush();
    for (let index = 0; index < 8; index++) await append(text);
    const sizes = readdirSync(files).map((name) => statSync(join(files, name)).size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeWithin(maxBytes / 2, maxBytes + 1);
  });

  test("is set aside once that can be done", async () => {
    const { log, files } = await withDamage();
    log.settle(2, "a");
    await log.flush();
    rmSync(join(files, "damaged"));
    await log.flush();
    expect(readdirSync(join(files, "damaged"))).toHaveLength(1);
    expect(readdirSync(files)).not.toContain("0000000000000001.log");
  });

  test("does not wait for room in the directory, where somebody made one of their own", async () => {
    const { log, files } = await withDamage();
    rmSync(join(files, "damaged"));
    mkdirSync(join(files, "damaged", "of somebody else"), { recursive: true });
    for (let index = 0; index < limits.spoolDamagedFiles; index++)
      writeFileSync(join(files, "damaged", String(index)), "");
    log.settle(2, "a");
    await log.flush();
    const kept = readdirSync(join(files, "damaged"));
    expect(kept).toContain("of somebody else");
    expect(kept).toHaveLength(limits.spoolDamagedFiles + 1);
  });
});

test("A segment that cannot be deleted costs itself, and no other one for the room that it takes", async () => {
  const opened = await openLog({ maxBytes: 16_000 });
  const { log, append, files, lost, directory } = opened;
  for (let index = 0; index < 6; index++) await append(text);
  const undo = shield(logAt(files, 1));
  for (let index = 0; index < 4; index++)
    await append(text).catch((error: unknown) => expect(String(error)).toContain(`Cannot remove "${logAt(files, 1)}"`));
  expect(lost.map(({ number }) => number)).toEqual([1, 2, 3]);
  const left = wanted(log);
  expect(left.slice(0, 3)).toEqual([4, 5, 6]);
  await expect(append(text)).rejects.toThrow("Cannot remove");
  expect(wanted(log)).toEqual(left);
  expect(warnings(opened)).toEqual([stuckWarning]);
  undo();
  const appended = log.append({ meta: new Uint8Array(), data: new Uint8Array(2000) }, ["a"]);
  const bytesThen = appended.then(() => log.snapshot().bytes);
  await log.flush();
  expect(wanted(log)).toContain(await appended);
  expect(await bytesThen).toBeLessThanOrEqual(16_000);
  expect(log.snapshot().bytes).toBeLessThanOrEqual(16_000);
  await directory.close();
});

test("A segment of a later version that cannot be deleted keeps nobody from writing down what was settled", async () => {
  const clock = new FakeClock();
  const before = await openLog({ maxBytes: 16_000 });
  for (let index = 0; index < 6; index++) await before.append(text);
  await before.directory.close();
  const { path } = before.directory;
  const later = encodeHeader("log", { version: 99, marker: new Uint8Array(8), first: 9, bootId: "" });
  writeFileSync(logAt(before.files, 9), Buffer.concat([later, new Uint8Array(10_000)]));
  const { log, files, directory } = await openLog({ path, clock });
  await clock.advance(limits.spoolNewerKeptMs);
  shield(logAt(files, 9));
  log.applyOptions({ maxBytes: 20_000, onLost: () => {} });
  log.settle(4, "a");
  await log.flush();
  await directory.close();
  const again = await openLog({ path });
  expect(wanted(again.log)).toEqual([5, 6]);
});

describe("A segment that is deleted leaves nothing to be done for its journal", () => {
  const withJournal = async (): Promise<LogUnderTest & { readonly clock: FakeClock }> => {
    const clock = new FakeClock();
    const opened = await openLog({ clock });
    await opened.append("1");
    await opened.append("2");
    opened.log.settle(1, "a");
    await clock.advance(limits.spoolCommitMs);
    while (readdirSync(opened.files).length < 2) await new Promise(setImmediate);
    opened.log.settle(2, "a");
    return { ...opened, clock };
  };

  test("where it was about to be written", async () => {
    const { log, files, clock } = await withJournal();
    await clock.advance(limits.spoolIdleMs);
    await log.flush();
    expect(readdirSync(files)).toEqual([]);
    await clock.advance(limits.spoolIdleMs);
    await log.flush();
    expect([log.snapshot().problem, clock.pending]).toEqual([undefined, 0]);
  });

  test("where it was about to be synced", async () => {
    const { directory, files } = await withJournal();
    await directory.close();
    expect([readdirSync(files), directory.log.lines]).toEqual([[], []]);
  });
});
