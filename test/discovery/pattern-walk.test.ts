import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { limits } from "../../src/base/index.ts";
import { decidingDirectories } from "../../src/discovery/deciding-directories.ts";
import { filesNamedBy } from "../../src/discovery/pattern-walk.ts";

const root = realpathSync(mkdtempSync(join(tmpdir(), "patterns-")));
afterAll(() => rmSync(root, { recursive: true }));

function write(path: string): void {
  mkdirSync(join(root, dirname(path)), { recursive: true });
  writeFileSync(join(root, path), "[]");
}

describe("A pattern", () => {
  beforeAll(() => {
    for (const path of ["t.json", ".t.json", "a/t.json", "a/b/t.json", "a/b/u.json", ".h/t.json", "real/t.json"])
      write(path);
    mkdirSync(join(root, "empty"));
    symlinkSync("real", join(root, "link"));
    symlinkSync("nowhere", join(root, "dangling.json"));
  });

  const cases: readonly [pattern: string, files: readonly string[], places: readonly string[]][] = [
    ["t.json", ["t.json"], ["t.json"]],
    ["none.json", [], ["none.json"]],
    ["none/deep/t.json", [], ["none"]],
    ["*.json", ["dangling.json", "t.json"], ["*"]],
    ["[a-f]*.json", ["dangling.json"], ["*"]],
    [".*.json", [".t.json"], ["*"]],
    ["a/?/t.json", ["a/b/t.json"], ["a/*", "a/b/t.json"]],
    [
      "*/t.json",
      ["a/t.json", "link/t.json", "real/t.json"],
      ["*", "a/t.json", "dangling.json/t.json", "empty/t.json", "link/t.json", "real/t.json"],
    ],
    ["*/*/u.json", ["a/b/u.json"], ["*", "a/*", "a/b/u.json", "dangling.json/*", "empty/*", "link/*", "real/*"]],
    [
      "**/t.json",
      ["a/b/t.json", "a/t.json", "real/t.json", "t.json"],
      ["*", "a/*", "a/b/*", "a/b/t.json", "a/t.json", "empty/*", "empty/t.json", "real/*", "real/t.json", "t.json"],
    ],
    [
      "**/b/**/*.json",
      ["a/b/t.json", "a/b/u.json"],
      ["*", "a/*", "a/b/*", "a/b/b", "b", "empty/*", "empty/b", "real/*", "real/b"],
    ],
  ];

  test.each(cases)("%s names files, and where there may be more", async (pattern, files, places) => {
    const named = await filesNamedBy([join(root, pattern)]);
    const below = (paths: readonly string[]): readonly string[] => paths.map((path) => relative(root, path));
    expect(below(named.files)).toEqual(files);
    expect([...below(named.places)].sort()).toEqual([...places].sort());
  });

  test("with many ** is walked once for each place", async () => {
    write(`${"d/".repeat(30)}x.json`);
    const { files } = await filesNamedBy([join(root, `${"**/d/".repeat(10)}**/**/x.json`)]);
    expect(files).toHaveLength(1);
  });

  test("that names too many files, or has too much looked at, is refused", async () => {
    for (let at = 0; at <= limits.discoveredFiles; at++) write(`many/${at}.json`);
    const tooMany = join(root, "many/*.json");
    await expect(filesNamedBy([tooMany])).rejects.toMatchObject({
      reason: "too_large",
      message: `Cannot read the files "${tooMany}": they are more than 1000; name fewer`,
    });
    const looks = Array.from({ length: 100 }, (_, at) => join(root, `many/*${at}.yaml`));
    await expect(filesNamedBy(looks)).rejects.toMatchObject({
      reason: "too_large",
      message: `Cannot read the files "${looks.at(-1)}": more than 100000 files and directories would have to be looked at; name the directories`,
    });
  });

  test("is walked no further once nobody wants it", async () => {
    await expect(filesNamedBy([join(root, "**/t.json")], AbortSignal.abort())).rejects.toThrow();
  });
});

describe("What is found at a path", () => {
  test("is decided in its directory and in those of all links on the way", async () => {
    const at = (path: string): string => join(root, "ways", path);
    for (const path of ["v1/conf/x.json", "elsewhere/deep/y.json", "apps/here"]) write(join("ways", path));
    symlinkSync("../v1", at("apps/latest"));
    symlinkSync(at("apps/latest"), at("current"));
    symlinkSync("../../elsewhere/deep/y.json", at("v1/conf/linked.json"));
    symlinkSync("loop", at("loop"));
    const deciding = async (path: string) =>
      [...(await decidingDirectories([at(path)]))].map((directory) => relative(at(""), directory)).sort();
    expect(await deciding("v1/conf/x.json")).toEqual(["v1/conf"]);
    expect(await deciding("current/conf/x.json")).toEqual(["", "apps", "v1/conf"]);
    expect(await deciding("current/conf/linked.json")).toEqual(["", "apps", "elsewhere/deep", "v1/conf"]);
    expect(await deciding("current/conf/*")).toEqual(["", "apps", "v1/conf"]);
    expect(await deciding("loop/x.json")).toEqual([""]);
  });
});
