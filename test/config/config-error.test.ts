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
