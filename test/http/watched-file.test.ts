import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentError } from "../../src/base/index.ts";
import { createWatchedFile, type WatchedFileOptions } from "../../src/http/watched-file.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog, type MemoryLog } from "../support/memory-log.ts";

let folder: string;
let path: string;
let log: MemoryLog;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "watched-file-"));
  path = join(folder, "secret");
  log = createMemoryLog();
});
afterEach(() => rmSync(folder, { recursive: true }));

const watch = (options: Partial<WatchedFileOptions> = {}) =>
  createWatchedFile(path, { maxBytes: 100, log, what: "password", ...options });

const problem = async (promise: Promise<unknown>): Promise<AgentError> =>
  promise.then(
    () => expect.unreachable("the file cannot be read"),
    (thrown: AgentError) => thrown,
  );

describe("a watched file", () => {
  test("holds what was written last, also where size and modification time stayed the same", async () => {
    const file = watch();
    for (const content of ["one", "two", "six"]) {
      writeFileSync(path, content);
      utimesSync(path, 1000, 1000);
      expect(await file.read()).toBe(content);
    }
  });

  test("is not read again while nothing changed", async () => {
    writeFileSync(path, "content");
    let reads = 0;
    const problemOf = (): undefined => void reads++;
    // A clock ahead of the file's time: the change is long past.
    const file = watch({ problemOf, clock: new FakeClock(Date.UTC(2100, 0, 1)) });
    for (let read = 0; read < 5; read++) await file.read();
    expect(reads).toBe(1);
  });

  test("is read for all callers together: by the look that runs, and one more", async () => {
    writeFileSync(path, "content");
    let reads = 0;
    const file = watch({ problemOf: () => void reads++ });
    const contents = await Promise.all(Array.from({ length: 50 }, () => file.read()));
    expect(contents).toEqual(Array(50).fill("content"));
    expect(reads).toBe(2);
  });

  test("gives nobody what a look has found that began before he asked", async () => {
    writeFileSync(path, "old");
    let asked: Promise<string> | undefined;
    const file = watch({
      problemOf: () => {
        if (asked) return undefined;
        // The old content has been read, and is not given out yet.
        writeFileSync(path, "newer");
        asked = file.read();
        return undefined;
      },
    });
    await file.read();
    expect(await asked).toBe("newer");
  });

  test("may be replaced by renaming another onto it", async () => {
    writeFileSync(path, "one");
    const file = watch();
    await file.read();
    writeFileSync(`${path}.new`, "two");
    renameSync(`${path}.new`, path);
    expect(await file.read()).toBe("two");
  });

  test("may be a symbolic link that is turned, as Kubernetes mounts secrets", async () => {
    for (const version of ["1", "2"]) writeFileSync(join(folder, version), `version ${version}`);
    symlinkSync("1", path);
    const file = watch();
    expect(await file.read()).toBe("version 1");
    symlinkSync("2", `${path}.new`);
    renameSync(`${path}.new`, path);
    expect(await file.read()).toBe("version 2");
  });

  test("may be exactly as large as the limit", async () => {
    writeFileSync(path, "x".repeat(100));
    expect(await watch().read()).toHaveLength(100);
  });

  const damages: [name: string, damage: () => void, cause: string][] = [
    ["removed", () => rmSync(path), "there is no such file; create it or correct the path"],
    ["empty", () => writeFileSync(path, " \n"), "it is empty; write it anew"],
    [
      "too large",
      () => writeFileSync(path, "x".repeat(101)),
      "it is larger than the limit of 100 bytes; check the path",
    ],
    [
      "not what the caller can use",
      () => writeFileSync(path, "hunter2 and more"),
      "it is refused; this is what the caller says",
    ],
  ];
  test.each(damages)("that is %s keeps its last content and warns once", async (_, damage, cause) => {
    writeFileSync(path, "good");
    const problemOf = (content: string): string | undefined =>
      content.startsWith("hunter2") ? "it is refused; this is what the caller says" : undefined;
    const file = watch({ problemOf });
    await file.read();
    damage();
    for (let read = 0; read < 3; read++) expect(await file.read()).toBe("good");
    expect(log.messages("warn")).toEqual(["Cannot read a file again; what it held before stays in use"]);
    const warned = log.lines.map(({ fields }) => (fields["err"] as Error).message);
    expect(warned).toEqual([`Cannot read the password from "${path}": ${cause}`]);
    writeFileSync(path, "better");
    expect(await file.read()).toBe("better");
    expect(log.messages("info")).toEqual(["A file can be read again"]);
  });

  test("warns again when the cause changes and when it comes back", async () => {
    const file = watch();
    const states: (() => void)[] = [
      () => writeFileSync(path, "good"),
      () => rmSync(path),
      () => writeFileSync(path, ""),
      () => writeFileSync(path, "good"),
      () => rmSync(path),
    ];
    for (const enter of states) {
      enter();
      await file.read();
      await file.read();
    }
    expect(log.messages("warn")).toHaveLength(3);
  });

  test.each(damages.filter(([name]) => name !== "not what the caller can use"))(
    "that is %s at first is an error each time, until it is there",
    async (_, damage, cause) => {
      writeFileSync(path, "");
      damage();
      const file = watch();
      for (let read = 0; read < 2; read++) {
        const error = await problem(file.read());
        expect(error.reason).toBe("credentials");
        expect(error.message).toBe(`Cannot read the password from "${path}": ${cause}`);
      }
      expect(log.lines).toEqual([]);
      writeFileSync(path, "good");
      expect(await file.read()).toBe("good");
      expect(log.lines).toEqual([]);
    },
  );

  test("fails with the reason that the caller chose", async () => {
    expect((await problem(watch({ reason: "tls" }).read())).reason).toBe("tls");
  });

  test("cannot be a directory", async () => {
    const file = createWatchedFile(folder, { maxBytes: 100, log, what: "password" });
    expect((await problem(file.read())).message).toEndWith("it is not a regular file; correct the path");
  });

  test("cannot lie below a file", async () => {
    writeFileSync(path, "good");
    const file = createWatchedFile(join(path, "below"), { maxBytes: 100, log, what: "password" });
    expect((await problem(file.read())).message).toContain("a part of the path is not a directory");
  });
});
