import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, loadConfig, renderProblem } from "../../src/config/index.ts";
import { kinds, parse } from "./kinds.ts";

async function errorOf(work: Promise<unknown>): Promise<ConfigError> {
  return (await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )) as ConfigError;
}

describe("A ConfigError", () => {
  test("holds every problem with its component", async () => {
    const text = '[pyroscope.store.a]\nmax_age = 5\n[logging]\nlevel = "loud"';
    const { reason, problems } = await errorOf(parse(text));
    expect(reason).toBe("invalid");
    expect(problems.map(({ line, column, key, component }) => ({ line, column, key, component }))).toEqual([
      { line: 2, column: 11, key: "pyroscope.store.a.max_age", component: "pyroscope.store.a" },
      { line: 4, column: 9, key: "logging.level", component: undefined },
    ]);
  });

  test("says what every problem is, a line each", async () => {
    const error = await errorOf(parse('[logging]\nlevel = "loud"\nformat = "xml"', { path: "agent.toml" }));
    expect(error.message).toBe(error.problems.map(renderProblem).join("\n"));
    expect(error.message.split("\n")).toHaveLength(2);
  });

  test("names a file that cannot be read", async () => {
    const missing = await errorOf(loadConfig({ path: "/nowhere/agent.toml", kinds, env: {} }));
    expect([missing.reason, missing.message]).toEqual([
      "unreadable",
      "/nowhere/agent.toml: cannot be read: there is no such file",
    ]);
    const directory = await errorOf(loadConfig({ path: import.meta.dirname, kinds, env: {} }));
    expect(directory.message).toEndWith("cannot be read: it is a directory");
  });

  test("refuses a file of more than 16 MiB without reading it whole", async () => {
    const directory = mkdtempSync(join(tmpdir(), "config-"));
    try {
      const path = join(directory, "agent.toml");
      writeFileSync(path, "");
      truncateSync(path, 2 ** 32);
      const { reason, message } = await errorOf(loadConfig({ path, kinds, env: {} }));
      expect([reason, message]).toEqual(["unreadable", `${path}: is larger than 16MiB, which no configuration is`]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  describe("says where a file is not UTF-8", () => {
    const e9 = String.fromCharCode(0xe9);
    test.each([
      [`[storage]\npath = "caf${e9}"\n`, "2:12: not UTF-8; save the file as UTF-8"],
      // One whole character of two bytes before it.
      [`# \xc3\xa9 ${e9}`, "1:5: not UTF-8; save the file as UTF-8"],
      ["\xef\xbb\xbfa\xff", "1:2: not UTF-8; save the file as UTF-8"],
      // Cut in the middle of a character.
      ["#\n# \xf0\x9f\x98", "2:3: not UTF-8; save the file as UTF-8"],
      ["# \xc3\n", "1:3: not UTF-8; save the file as UTF-8"],
      ["\xff\xfe[\0", "1:1: not UTF-8 but UTF-16; save the file as UTF-8"],
    ])("in %j", async (bytes, expected) => {
      const directory = mkdtempSync(join(tmpdir(), "config-"));
      try {
        const path = join(directory, "agent.toml");
        writeFileSync(path, Buffer.from(bytes, "latin1"));
        const { reason, message } = await errorOf(loadConfig({ path, kinds, env: {} }));
        expect([reason, message]).toEqual(["syntax", `${path}:${expected}`]);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });

  test("is thrown for any text, and nothing else is", async () => {
    const fragments = [
      "[",
      "]",
      "{",
      "}",
      '"',
      "a",
      "=",
      ".",
      "\n",
      "1",
      "pyroscope.scrape.x",
      "targets",
      "endpoint",
      "__proto__",
      "rule",
      "''",
      ",",
    ];
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
    for (let round = 0; round < 2000; round++) {
      const text = Array.from({ length: random(14) }, () => fragments[random(fragments.length)]).join("");
      for (const format of ["toml", "json"] as const) {
        const outcome = await errorOf(parse(text, { format }));
        expect(outcome === undefined || outcome instanceof ConfigError).toBe(true);
      }
    }
  });
});
