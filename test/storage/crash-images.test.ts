import { describe, expect, test } from "bun:test";
import { cpSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshPath, type LogUnderTest, metric, openLog, wanted } from "./a-directory.ts";
import { createRandom, seed } from "./pseudo-random.ts";

const random = createRandom(seed);
const [logName, journalName] = ["0000000000000001.log", "0000000000000001.settled"];

/** A log as a process that died left it: five records for "a" and "b", of which "a" has settled the first two, on disk. */
interface Image {
  readonly folder: string;
  /** Text by number. */
  readonly texts: ReadonlyMap<number, string>;
  /** Size of the log file before the last record, and of the journal before its last frame. */
  readonly logBytesBefore: number;
  readonly journalBytesBefore: number;
  /** Where each record ends in the log file, in the order of `texts`. */
  readonly ends: readonly number[];
  /** Whole. */
  readonly logBytes: number;
  readonly journalBytes: number;
}

async function makeImage(): Promise<Image> {
  const source = await openLog();
  const texts = new Map<number, string>();
  const sizeOf = (name: string): number => statSync(join(source.files, name)).size;
  let [logBytesBefore, journalBytesBefore] = [0, 0];
  const ends: number[] = [];
  for (const text of ["first", "second", "third", "fourth", "fifth"]) {
    if (text === "fifth") logBytesBefore = sizeOf(logName);
    texts.set(await source.append(text, ["a", "b"]), text);
    ends.push(sizeOf(logName));
  }
  for (const number of [1, 2]) {
    if (number === 2) journalBytesBefore = sizeOf(journalName);
    source.log.settle(number, "a");
    await source.log.flush();
  }
  const folder = freshPath();
  cpSync(source.files, folder, { recursive: true });
  const [logBytes, journalBytes] = [sizeOf(logName), sizeOf(journalName)];
  await source.directory.close();
  return { folder, texts, ends, logBytesBefore, logBytes, journalBytesBefore, journalBytes };
}

/** Opens a copy of an image once `spoil` has had its way with it. */
async function withSpoiled(
  image: Pick<Image, "folder">,
  spoil: (file: { readonly log: string; readonly journal: string }) => void,
  check: (log: LogUnderTest) => Promise<void>,
): Promise<void> {
  const path = freshPath();
  const folder = join(path, "spool", "pyroscope.write.staging");
  cpSync(image.folder, folder, { recursive: true });
  spoil({ log: join(folder, logName), journal: join(folder, journalName) });
  const opened = await openLog({ path });
  try {
    await check(opened);
  } finally {
    await opened.directory.close();
    rmSync(path, { recursive: true });
  }
}

/** Everything that "b" wants, by number. */
async function textsOf({ log, text }: LogUnderTest): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for (const number of wanted(log, "b")) found.set(number, await text(number));
  return found;
}

describe("A log whose last record was cut", () => {
  test("has all others, and takes the cut for no damage", async () => {
    const image = await makeImage();
    for (let size = image.logBytesBefore; size < image.logBytes; size++) {
      await withSpoiled(
        image,
        ({ log }) => truncateSync(log, size),
        async (opened) => {
          expect([...(await textsOf(opened)).values()]).toEqual(["first", "second", "third", "fourth"]);
          expect(wanted(opened.log, "a")).toEqual([3, 4]);
          expect(await metric(opened.directory.metrics, /^agent_spool_torn_tails_total/)).toBe(
            size > image.logBytesBefore ? 1 : 0,
          );
          expect(opened.directory.log.messages("warn")).toEqual([]);
        },
      );
    }
  }, 60_000);

  test("goes on behind the cut", async () => {
    const image = await makeImage();
    await withSpoiled(
      image,
      ({ log }) => truncateSync(log, image.logBytes - 3),
      async ({ directory, append }) => {
        await append("sixth", ["b"]);
        await directory.close();
        const again = await openLog({ path: directory.path });
        expect([...(await textsOf(again)).values()]).toEqual(["first", "second", "third", "fourth", "sixth"]);
        expect(again.directory.log.lines).toEqual([]);
        await again.directory.close();
      },
    );
  }, 60_000);

  test("has exactly those that are whole, wherever it was cut", async () => {
    const image = await makeImage();
    for (let size = 0; size < image.logBytes; size++) {
      await withSpoiled(
        image,
        ({ log }) => truncateSync(log, size),
        async (opened) => {
          const whole = [...image.texts].filter((_record, index) => (image.ends[index] as number) <= size);
          expect([...(await textsOf(opened))]).toEqual(whole);
          expect(opened.directory.log.messages("warn")).toEqual([]);
        },
      );
    }
  }, 60_000);
});

describe("A log whose journal was cut", () => {
  test("wants again what the cut part says, and nothing else", async () => {
    const image = await makeImage();
    for (let size = 0; size <= image.journalBytes; size++) {
      const lastIsThere = size === image.journalBytes;
      const firstIsThere = size >= image.journalBytesBefore;
      await withSpoiled(
        image,
        ({ journal }) => truncateSync(journal, size),
        async ({ log }) => {
          expect(wanted(log, "a")).toEqual([...(firstIsThere ? [] : [1]), ...(lastIsThere ? [] : [2]), 3, 4, 5]);
          expect(wanted(log, "b")).toEqual([1, 2, 3, 4, 5]);
        },
      );
    }
  }, 60_000);

  test("goes on behind the cut", async () => {
    const image = await makeImage();
    await withSpoiled(
      image,
      ({ journal }) => truncateSync(journal, image.journalBytes - 3),
      async ({ log, directory }) => {
        log.settle(5, "a");
        await directory.close();
        const again = await openLog({ path: directory.path });
        expect(wanted(again.log, "a")).toEqual([2, 3, 4]);
        expect(again.directory.log.lines).toEqual([]);
        await again.directory.close();
      },
    );
  }, 60_000);
});

describe(`A log with a flipped bit (seed ${seed})`, () => {
  test("has every record but at most the one that was hit, and invents nothing", async () => {
    const image = await makeImage();
    for (let position = 0; position < image.logBytes; position++) {
      await withSpoiled(
        image,
        ({ log }) => flip(log, position),
        async (opened) => {
          const found = await textsOf(opened);
          for (const [number, text] of found) expect(text).toBe(image.texts.get(number) as string);
          expect(found.size).toBeGreaterThanOrEqual(image.texts.size - 1);
          // What was settled stays settled.
          expect(wanted(opened.log, "a")).not.toContain(1);
          expect(wanted(opened.log, "a")).not.toContain(2);
        },
      );
    }
  }, 60_000);

  test("in its journal has every record, and wants none less", async () => {
    const image = await makeImage();
    for (let position = 0; position < image.journalBytes; position++) {
      await withSpoiled(
        image,
        ({ journal }) => flip(journal, position),
        async (opened) => {
          expect(await textsOf(opened)).toEqual(new Map(image.texts));
          expect(wanted(opened.log, "a")).toEqual(expect.arrayContaining([3, 4, 5]));
        },
      );
    }
  }, 60_000);

  test("anywhere in a large log loses one record at most", async () => {
    const { directory, log, files } = await openLog();
    const contents = new Map<number, Uint8Array>();
    for (let index = 0; index < 60; index++) {
      const data = random.bytes(random.below(30_000));
      const appended = log.append({ meta: new Uint8Array(0), data }, ["b"]);
      await log.flush();
      contents.set(await appended, data);
    }
    await directory.close();
    const image = { folder: files };
    for (let round = 0; round < 60; round++) {
      await withSpoiled(
        image,
        (file) => flip(file.log, random.below(statSync(file.log).size)),
        async (opened) => {
          const found = wanted(opened.log, "b");
          expect(found.length).toBeGreaterThanOrEqual(contents.size - 1);
          for (const number of found)
            expect((await opened.log.read(number)).data).toEqual(contents.get(number) as Uint8Array);
        },
      );
    }
  }, 60_000);
});

function flip(file: string, position: number): void {
  const content = readFileSync(file);
  content[position] = (content[position] as number) ^ (1 << random.below(8));
  writeFileSync(file, content);
}
