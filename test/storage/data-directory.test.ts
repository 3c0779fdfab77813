import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { StorageError } from "../../src/storage/index.ts";
import { startChild } from "../support/child.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { bytes, type DirectoryUnderTest, directoryAt, freshPath } from "./a-directory.ts";

const open: DirectoryUnderTest[] = [];
const opened = (...given: Parameters<typeof directoryAt>): DirectoryUnderTest => {
  const directory = directoryAt(...given);
  open.push(directory);
  return directory;
};
afterEach(async () => {
  for (const directory of open.splice(0)) await directory.close();
});

const text = (content: Uint8Array | undefined): string | undefined => content && new TextDecoder().decode(content);

describe("A data directory", () => {
  test("is not made before something is written", async () => {
    const path = join(freshPath(), "deep", "down");
    const directory = opened(path);
    expect(await directory.take("x", { maxBytes: 10 })).toBeUndefined();
    expect(existsSync(path)).toBe(false);
    await directory.save("x", [bytes("1")]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, "x")).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, "lock")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(path, "lock"), "utf8")).toStartWith(`${process.pid} `);
  });

  test("keeps what was saved last, whole", async () => {
    const directory = opened(freshPath());
    await directory.save("x", [bytes("a long content"), bytes(" in two parts")]);
    await directory.save("x", [bytes("short"), bytes(""), bytes("er")]);
    expect(readdirSync(directory.path).toSorted()).toEqual(["lock", "x"]);
    expect(text(await directory.take("x", { maxBytes: 10 }))).toBe("shorter");
  });

  test("gives a file once", async () => {
    const path = freshPath();
    await opened(path).save("x", [bytes("1")]);
    const directory = open[0] as DirectoryUnderTest;
    const [one, other] = await Promise.all([
      directory.take("x", { maxBytes: 10 }),
      directory.take("x", { maxBytes: 10 }),
    ]);
    expect([text(one), other]).toEqual(["1", undefined]);
    expect(readdirSync(path)).toEqual(["lock"]);
  });

  test("names its files, and removes one for good", async () => {
    const path = freshPath();
    const directory = opened(path);
    expect(await directory.files()).toEqual([]);
    await directory.save("x", [bytes("1")]);
    await directory.save("y", [bytes("2")]);
    writeFileSync(join(path, "z~"), "half of a file");
    expect((await directory.files()).toSorted()).toEqual(["x", "y"]);
    await directory.remove("x");
    await directory.remove("x");
    expect(await directory.files()).toEqual(["y"]);
    await expect(directory.remove("../y")).rejects.toThrow("letters, digits");
  });

  test("refuses a file above the bound, and leaves it", async () => {
    const directory = opened(freshPath());
    await directory.save("x", [bytes("12345")]);
    await expect(directory.take("x", { maxBytes: 4 })).rejects.toMatchObject({ reason: "too_large" });
    expect(text(await directory.take("x", { maxBytes: 5 }))).toBe("12345");
  });

  test("leaves a file that is read where it is", async () => {
    const directory = opened(freshPath());
    expect(await directory.read("x", { maxBytes: 10 })).toBeUndefined();
    await directory.save("x", [bytes("12345")]);
    for (let round = 0; round < 2; round++) expect(text(await directory.read("x", { maxBytes: 5 }))).toBe("12345");
    await expect(directory.read("x", { maxBytes: 4 })).rejects.toMatchObject({ reason: "too_large" });
  });

  test.each(["", ".", "..", "a/b", "lock", "spool", ".hidden", "a b"])("refuses the name %j", async (name) => {
    const directory = opened(freshPath());
    await expect(directory.save(name, [])).rejects.toThrow(`under the name "${name}"`);
  });

  test("refuses everything once it is closed", async () => {
    const directory = opened(freshPath());
    await directory.save("x", []);
    await directory.close();
    await expect(directory.save("x", [])).rejects.toMatchObject({ reason: "closed" });
  });
});

describe("A data directory that another agent has", () => {
  test("is refused with who has it, and taken over once that one has ended", async () => {
    const path = freshPath();
    const clock = new FakeClock();
    const first = opened(path);
    await first.save("x", [bytes("1")]);
    const second = opened(path, { clock });
    const refused = await second.save("y", []).then(
      () => undefined,
      (thrown: unknown) => thrown as StorageError,
    );
    expect(refused).toBeInstanceOf(StorageError);
    expect(refused).toMatchObject({ reason: "locked" });
    expect(refused?.message).toStartWith(
      `Cannot use the data directory "${path}": another agent uses it (process ${process.pid} on `,
    );
    expect(second.problem).toBe(refused as StorageError);
    await expect(second.take("x", { maxBytes: 10 })).rejects.toBe(refused);
    await first.close();
    // Tried again after a pause only.
    await expect(second.save("y", [])).rejects.toBe(refused);
    await clock.advance(1000);
    await second.save("y", []);
    expect(second.problem).toBeUndefined();
  });

  test("is free as soon as that one's process is dead", async () => {
    const path = freshPath();
    const holder = startChild([...runScript, join(import.meta.dirname, "hold-directory.ts"), path]);
    await holder.waitFor(/held/);
    const clock = new FakeClock();
    const directory = opened(path, { clock });
    await expect(directory.save("x", [])).rejects.toThrow(`(process ${holder.pid} on `);
    await holder.stop("SIGKILL");
    await clock.advance(1000);
    await directory.save("x", []);
  });

  test("has its records for the one that takes over, even where there was nothing at first", async () => {
    const path = freshPath();
    const clock = new FakeClock();
    const options = { maxBytes: 1e6, onLost() {} };
    const second = opened(path, { clock }).spoolLog("x", options);
    await second.open();
    const first = opened(path);
    const before = first.spoolLog("x", options);
    const appended = before.append({ meta: bytes(""), data: bytes("of the first") }, ["a"]);
    await before.flush();
    await appended;
    const refused = second.append({ meta: bytes(""), data: bytes("of the second") }, ["a"]);
    const outcomes = await Promise.allSettled([refused, second.flush()]);
    expect(outcomes).toMatchObject([{ reason: { reason: "locked" } }, { reason: { reason: "locked" } }]);
    expect(second.snapshot().problem?.reason).toBe("locked");
    await first.close();
    await clock.advance(1000);
    const taken = second.append({ meta: bytes(""), data: bytes("of the second") }, ["a"]);
    await second.flush();
    expect(await taken).toBe(2);
    expect(text((await second.read(second.next("a") ?? 0)).data)).toBe("of the first");
    expect(second.snapshot().problem).toBeUndefined();
  });
});

/** Root may write everywhere, so that only other users meet this. */
const isRoot = process.getuid?.() === 0;

describe("A data directory that cannot be used", () => {
  test.skipIf(isRoot)("says that permission is missing, and what to do", async () => {
    const parent = freshPath();
    mkdirSync(parent, { mode: 0o500 });
    const directory = opened(join(parent, "data"));
    await expect(directory.save("x", [])).rejects.toMatchObject({ reason: "denied" });
    chmodSync(parent, 0o700);
  });

  test("says that there is a file in its place", async () => {
    const path = freshPath();
    writeFileSync(path, "");
    await expect(opened(path).save("x", [])).rejects.toMatchObject({ reason: "io" });
    expect(open.at(-1)?.problem?.message).toContain(path);
  });
});

const runScript = process.versions["deno"] ? [process.execPath, "run", "-A", "--no-check"] : [process.execPath];
