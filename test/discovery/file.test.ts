import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { limits } from "../../src/base/index.ts";
import { fileKind } from "../../src/discovery/file.ts";
import { parseIn, runDiscovery } from "./running-discovery.ts";

// Real files on a real clock, and at most one publication a second.
setDefaultTimeout(20_000);

const root = mkdtempSync(join(tmpdir(), "discovery-file-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

/** A directory of its own for a test. */
function directory() {
  const path = join(root, `d${count++}`);
  mkdirSync(path);
  const at = (name: string): string => join(path, name);
  return {
    path,
    at,
    write: (name: string, content: unknown) =>
      writeFileSync(at(name), typeof content === "string" ? content : JSON.stringify(content)),
    /** As most programs replace a file. */
    replace: (name: string, content: unknown) => {
      writeFileSync(at(`.${name}.new`), JSON.stringify(content));
      renameSync(at(`.${name}.new`), at(name));
    },
  };
}

const group = (...targets: string[]) => [{ targets }];

// What is noticed within a test was heard of, and not looked up.
const seldom = { refresh_interval: "1h" };

describe("discovery.file", () => {
  test.concurrent("reads JSON, YAML and TOML", async () => {
    const { write, at, path } = directory();
    write("a.json", [{ targets: ["a:1"], labels: { env: "prod" } }]);
    write("b.yaml", "- targets: [b:1, 'b:2']\n  labels:\n    version: 1.10\n    on: true\n- targets: []\n  labels:\n");
    write("c.yml", "# nobody\n[]\n");
    write("d.toml", '[[group]]\ntargets = ["d:1"]\nlabels = { shard = 3 }\n\n[[group]]\ntargets = ["d:2"]\n');
    write("e.txt", "neither read nor complained about");
    await using discovery = runDiscovery(
      fileKind,
      { files: ["*.json", "*.yaml", "*.yml", "d.toml"], ...seldom },
      { directory: path },
    );
    await discovery.untilAddresses(["a:1", "b:1", "b:2", "d:1", "d:2"]);
    expect(discovery.targets()).toEqual([
      { __address__: "a:1", env: "prod", __meta_filepath: at("a.json") },
      { __address__: "b:1", version: "1.10", on: "true", __meta_filepath: at("b.yaml") },
      { __address__: "b:2", version: "1.10", on: "true", __meta_filepath: at("b.yaml") },
      { __address__: "d:1", shard: "3", __meta_filepath: at("d.toml") },
      { __address__: "d:2", __meta_filepath: at("d.toml") },
    ]);
    expect(discovery.status()).toMatchObject({ sources: 4, targets: 5 });
    expect(discovery.log.messages("warn")).toEqual([]);
  });

  test.concurrent("notices at once what is written, replaced, added and removed", async () => {
    const { write, replace, at, path } = directory();
    write("a.json", group("a:1"));
    await using discovery = runDiscovery(fileKind, { files: "*.json", ...seldom }, { directory: path });
    await discovery.untilAddresses(["a:1"]);
    write("a.json", group("a:2"));
    await discovery.untilAddresses(["a:2"]);
    for (const round of [3, 4, 5]) {
      replace("a.json", group(`a:${round}`));
      await discovery.untilAddresses([`a:${round}`]);
    }
    write("b.json", group("b:1"));
    await discovery.untilAddresses(["a:5", "b:1"]);
    unlinkSync(at("a.json"));
    await discovery.untilAddresses(["b:1"]);
    expect(discovery.status().sources).toBe(1);
  });

  test.concurrent("follows Kubernetes' way of updating a mounted volume", async () => {
    const { path, at } = directory();
    const publish = (version: string, content: unknown): void => {
      mkdirSync(at(version));
      writeFileSync(join(at(version), "targets.json"), JSON.stringify(content));
      symlinkSync(version, at("..data_tmp"));
      renameSync(at("..data_tmp"), at("..data"));
    };
    publish("..1", group("a:1"));
    symlinkSync(join("..data", "targets.json"), at("targets.json"));
    await using discovery = runDiscovery(fileKind, { files: "targets.json", ...seldom }, { directory: path });
    await discovery.untilAddresses(["a:1"]);
    for (const round of [2, 3, 4]) {
      publish(`..${round}`, group(`a:${round}`));
      rmSync(at(`..${round - 1}`), { recursive: true });
      await discovery.untilAddresses([`a:${round}`]);
    }
    expect(discovery.targets()).toEqual([{ __address__: "a:4", __meta_filepath: at("targets.json") }]);
    expect(discovery.log.messages("warn")).toEqual([]);
  });

  test.concurrent("follows a link to another directory, where the file is replaced, and when the link itself is", async () => {
    const elsewhere = directory();
    const { path, at } = directory();
    elsewhere.write("one.json", group("a:1"));
    symlinkSync(elsewhere.at("one.json"), at("targets.json"));
    await using discovery = runDiscovery(fileKind, { files: "targets.json", ...seldom }, { directory: path });
    await discovery.untilAddresses(["a:1"]);
    elsewhere.replace("one.json", group("a:2"));
    await discovery.untilAddresses(["a:2"]);
    elsewhere.write("two.json", group("b:1"));
    symlinkSync(elsewhere.at("two.json"), at("new"));
    renameSync(at("new"), at("targets.json"));
    await discovery.untilAddresses(["b:1"]);
  });

  test.concurrent("follows a link to a directory on the way, when it comes to lead elsewhere", async () => {
    const { path, at } = directory();
    for (const version of ["v1", "v2", "v3"]) {
      mkdirSync(at(`${version}/conf`), { recursive: true });
      writeFileSync(at(`${version}/conf/targets.json`), JSON.stringify(group(`${version}:1`)));
    }
    symlinkSync("v1", at("current"));
    await using discovery = runDiscovery(fileKind, { files: "current/conf/*.json", ...seldom }, { directory: path });
    await discovery.untilAddresses(["v1:1"]);
    for (const version of ["v2", "v3"]) {
      symlinkSync(version, at("new"));
      renameSync(at("new"), at("current"));
      await discovery.untilAddresses([`${version}:1`]);
    }
  });

  test.concurrent("goes on with a directory that was removed and made again", async () => {
    const { path, at } = directory();
    await using discovery = runDiscovery(fileKind, { files: "site/targets.json", ...seldom }, { directory: path });
    for (const round of [1, 2, 3]) {
      rmSync(at("site"), { recursive: true, force: true });
      mkdirSync(at("site"));
      writeFileSync(at("site/targets.json"), JSON.stringify(group(`new:${round}`)));
      await discovery.untilAddresses([`new:${round}`]);
      writeFileSync(at("site/targets.json"), JSON.stringify(group(`later:${round}`)));
      await discovery.untilAddresses([`later:${round}`]);
    }
  });

  test.concurrent("hears of the first file in a directory that was empty when it was looked at", async () => {
    const { path, at } = directory();
    const files = ["*/targets.json", "**/more.json"];
    await using discovery = runDiscovery(fileKind, { files, ...seldom }, { directory: path });
    const looked = async (): Promise<void> => {
      const before = discovery.status().lastSuccessMs ?? 0;
      await discovery.untilStatus("it looked", ({ lastSuccessMs = 0 }) => lastSuccessMs > before);
    };
    await looked();
    mkdirSync(at("app/deep"), { recursive: true });
    await looked();
    writeFileSync(at("app/targets.json"), JSON.stringify(group("a:1")));
    await discovery.untilAddresses(["a:1"]);
    writeFileSync(at("app/deep/more.json"), JSON.stringify(group("b:1")));
    await discovery.untilAddresses(["a:1", "b:1"]);
  });

  test.concurrent("takes of many files those that there is room for, and holds nothing of the others", async () => {
    const { path, at, write } = directory();
    const many = (name: string) =>
      group(...Array.from({ length: limits.discoveredTargets / 2 }, (_, n) => `${name}:${n + 1}`));
    for (const name of ["a", "b", "c"]) write(`${name}.json`, many(name));
    await using discovery = runDiscovery(fileKind, { files: "*.json", ...seldom }, { directory: path });
    await discovery.untilStatus("it looked", ({ targets }) => targets === limits.discoveredTargets);
    expect(discovery.status().shownSources[0]).toMatchObject({
      name: at("c.json"),
      lastError: `Cannot take the 10000 targets of "${at("c.json")}": with those of the files before it they would be more than 20000; name fewer files`,
    });
    write("b.json", []);
    await discovery.untilStatus("there is room", ({ shownSources }) => shownSources[0]?.lastError === undefined);
    expect(discovery.status().targets).toBe(limits.discoveredTargets);
  });

  test.concurrent("waits for directories and files that come later", async () => {
    const { path, at } = directory();
    const files = ["later/still/a.json", "sites/*/targets.json"];
    await using discovery = runDiscovery(fileKind, { files, ...seldom }, { directory: path });
    await discovery.untilStatus("it looked", ({ lastSuccessMs }) => lastSuccessMs !== undefined);
    mkdirSync(at("later/still"), { recursive: true });
    writeFileSync(at("later/still/a.json"), JSON.stringify(group("a:1")));
    await discovery.untilAddresses(["a:1"]);
    for (const site of ["one", "two"]) {
      mkdirSync(at(`sites/${site}`), { recursive: true });
      writeFileSync(at(`sites/${site}/targets.json`), JSON.stringify(group(`${site}:1`)));
    }
    await discovery.untilAddresses(["a:1", "one:1", "two:1"]);
    expect(discovery.log.messages("warn")).toEqual([]);
  });

  test.concurrent("finds what nobody told of at its interval", async () => {
    const { path, write } = directory();
    write("a.json", group("a:1"));
    // Links to directories are not among what ** stands for.
    const hidden = directory();
    hidden.write("a.json", group("b:1"));
    symlinkSync(hidden.path, join(path, "link"));
    await using discovery = runDiscovery(
      fileKind,
      { files: "**/a.json", refresh_interval: "100ms" },
      { directory: path },
    );
    await discovery.untilAddresses(["a:1"]);
    write("a.json", group("a:2"));
    await discovery.untilAddresses(["a:2"]);
  });

  const broken: readonly [title: string, name: string, content: string, says: string][] = [
    [
      "JSON",
      "x.json",
      '[\n  {"targets": ["a:2"]}\n  {"targets": []}\n]',
      'line 3: not valid JSON: comma expected at "{"targets": []} ]"',
    ],
    [
      "cut JSON",
      "x.json",
      '[{"targets": ["a:2"',
      'line 1: not valid JSON: it ends too early, behind "[{"targets": ["a:2""',
    ],
    ["YAML", "x.yaml", "- targets:\n  - a:2\n  labels: {\n", "line 4: not valid YAML"],
    ["TOML", "x.toml", '[[group]]\ntargets = ["a:2"\nlabels = 1', "line 3: not valid TOML"],
    ["a TOML table", "x.toml", 'targets = ["a:2"]', "consists of [[group]] tables with targets and labels"],
    ["groups", "x.yaml", "- targets: [a:2]\n- target: a:2\n", 'group 2: "target" is no part of a group'],
    ["a file that is being written", "x.json", "", "it is empty; write [] for no targets"],
    ["a file with comments only", "x.yaml", "# a:2\n", "not valid YAML"],
    ["a giant", "x.json", " ".repeat(limits.discoveryBytes + 1), "it has more than the limit of 32MiB"],
  ];

  test.concurrent("has had no success at a look at which every file failed", async () => {
    const { path, write } = directory();
    write("x.json", group("a:1"));
    await using discovery = runDiscovery(fileKind, { files: "x.json", ...seldom }, { directory: path });
    await discovery.untilAddresses(["a:1"]);
    write("x.json", "{");
    const failed = await discovery.untilStatus("it failed", ({ lastError }) => lastError !== undefined);
    expect(failed.lastError).toContain("not valid JSON");
    expect(failed.lastSuccessMs).toBeLessThan(failed.lastErrorMs as number);
    write("x.json", group("a:2"));
    await discovery.untilAddresses(["a:2"]);
    expect(discovery.status()).not.toHaveProperty("lastError");
  });

  test.concurrent.each(broken)(
    "keeps the targets of a file that turns into broken %s, and says where",
    async (_title, name, content, says) => {
      const { path, at, write, replace } = directory();
      const asWritten: Readonly<Record<string, string>> = {
        "x.json": '[{"targets": ["a:1"]}]',
        "x.yaml": "[{targets: [a:1]}]",
        "x.toml": '[[group]]\ntargets = ["a:1"]\n',
      };
      write(name, asWritten[name]);
      write("other.json", group("b:1"));
      await using discovery = runDiscovery(fileKind, { files: [name, "other.json"], ...seldom }, { directory: path });
      await discovery.untilAddresses(["a:1", "b:1"]);
      write(name, content);
      const status = await discovery.untilStatus(
        "it failed",
        ({ shownSources }) => shownSources[0]?.lastError !== undefined,
      );
      expect(status.shownSources[0]?.name).toBe(at(name));
      expect(status.shownSources[0]?.lastError).toStartWith(`Cannot read targets from "${at(name)}": `);
      expect(status.shownSources[0]?.lastError).toContain(says);
      replace("other.json", group("b:2"));
      await discovery.untilAddresses(["a:1", "b:2"]);
      write(name, asWritten[name]);
      await discovery.untilStatus("it is well again", ({ shownSources }) => shownSources[0]?.lastError === undefined);
      expect(discovery.addresses()).toEqual(["a:1", "b:2"]);
    },
  );

  test.concurrent("reads no directory and waits for no pipe", async () => {
    const { path, at } = directory();
    mkdirSync(at("x.json"));
    await using discovery = runDiscovery(fileKind, { files: "x.json", ...seldom }, { directory: path });
    const { shownSources } = await discovery.untilStatus("it failed", (status) => status.shownSources.length > 0);
    expect(shownSources[0]?.lastError).toEndWith("it is not a regular file; name files only");
  });

  test.concurrent("leaves no watch behind", async () => {
    const { path, write } = directory();
    write("a.json", group("a:1"));
    const discovery = runDiscovery(fileKind, { files: "a.json", ...seldom }, { directory: path });
    await discovery.untilAddresses(["a:1"]);
    await discovery[Symbol.asyncDispose]();
    write("a.json", group("a:2"));
    expect(discovery.addresses()).toEqual(["a:1"]);
  });

  test.concurrent("does not wait for a pipe, and takes a file in its place", async () => {
    const { at, path, write, replace } = directory();
    execFileSync("mkfifo", [at("x.json")]);
    write("y.json", group("y:1"));
    await using discovery = runDiscovery(fileKind, { files: ["*.json"], ...seldom }, { directory: path });
    await discovery.untilAddresses(["y:1"]);
    expect(discovery.status().shownSources[0]?.lastError).toBe(
      `Cannot read targets from "${at("x.json")}": it is not a regular file; name files only`,
    );
    replace("x.json", group("x:1"));
    await discovery.untilAddresses(["x:1", "y:1"]);
  });

  test.concurrent("remarks on a link to nothing, and follows what comes in its place", async () => {
    const { at, path, write } = directory();
    write("a.json", group("a:1"));
    symlinkSync("nowhere.txt", at("e.json"));
    await using discovery = runDiscovery(
      fileKind,
      { files: ["*.json"], refresh_interval: "100ms" },
      { directory: path },
    );
    await discovery.untilAddresses(["a:1"]);
    const { shownSources } = await discovery.untilStatus("a remark", (status) => status.shownSources.length === 2);
    expect(shownSources[0]).toMatchObject({
      name: at("e.json"),
      remark: 'it is a link to "nowhere.txt", which is not there',
    });
    write("nowhere.txt", group("e:1"));
    await discovery.untilAddresses(["a:1", "e:1"]);
    unlinkSync(at("nowhere.txt"));
    await discovery.untilAddresses(["a:1"]);
    unlinkSync(at("e.json"));
    await discovery.untilStatus("no remark", (status) => status.shownSources.length === 1);
  });

  test("warns of files that are missing or broken when the configuration is checked", async () => {
    const { path, write, at } = directory();
    write("good.json", group("a:1"));
    write("bad.json", "[");
    const args = parseIn(path, fileKind, { files: ["good.json", "bad.json", "none.yaml"] });
    expect(await fileKind.warnings?.("discovery.file.x", args)).toEqual([
      `discovery.file.x: Cannot read targets from "${at("bad.json")}": line 1: not valid JSON: it ends too early, behind "["`,
      `discovery.file.x: no file is named "${at("none.yaml")}" now; its targets are found once one is`,
    ]);
  });

  test.each([
    [{ files: ["targets.txt"] }, "expected a path that ends in .json, .yml, .yaml, .toml"],
    [{ files: [] }, "at least one file is needed"],
    [{ files: "a.json", refresh_interval: "0s" }, "above 0"],
  ])("does not take %p", (written, says) => {
    const { issues } = v.safeParse(fileKind.schema, written);
    expect(issues?.map(({ message }) => message).join()).toContain(says);
  });
});
