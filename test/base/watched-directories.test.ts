import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limits, WatchedDirectories } from "../../src/base/index.ts";
import { eventually } from "../support/child.ts";

const root = mkdtempSync(join(tmpdir(), "watched-"));
afterAll(() => rmSync(root, { recursive: true }));

function watching() {
  let events = 0;
  const failures: string[] = [];
  const directories = new WatchedDirectories({
    onEvent: () => events++,
    onFailure: (_directory, why) => failures.push(why),
  });
  return {
    directories,
    failures,
    /** Writes until it is heard: nobody says when a watch has begun. */
    hears: async (path: string): Promise<void> => {
      const before = events;
      await eventually(`an event in ${path}`, () => {
        writeFileSync(join(path, "file"), "");
        return events > before ? true : undefined;
      });
    },
  };
}

describe("A watched directory", () => {
  test("that was removed and made again is watched again, though it has the same inode", async () => {
    const { directories, hears } = watching();
    const path = join(root, "again");
    mkdirSync(path);
    expect(await directories.renew([path])).toBe(true);
    await hears(path);
    for (let round = 0; round < 5; round++) {
      rmSync(path, { recursive: true });
      mkdirSync(path);
      expect(await directories.renew([path])).toBe(true);
      await hears(path);
    }
    expect(await directories.renew([path])).toBe(false);
    directories.close();
  });

  test("counts only where it exists and is one, and what is too many of them is told once", async () => {
    const { directories, failures } = watching();
    const many = join(root, "many");
    const paths = Array.from({ length: limits.watchedDirectories + 1 }, (_, at) => join(many, String(at)));
    for (const path of paths) mkdirSync(path, { recursive: true });
    writeFileSync(join(root, "file"), "");
    expect(await directories.renew([join(root, "none"), join(root, "file")])).toBe(false);
    expect(failures).toEqual([]);
    await directories.renew(paths);
    await directories.renew(paths);
    expect(failures).toEqual([`they are more than ${limits.watchedDirectories}`]);
    directories.close();
  });
});
