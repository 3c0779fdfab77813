import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { importViolations, roomOf, runtimeGlobalViolations, type SourceFile } from "./import-rules.ts";
import { rooms } from "./rooms.ts";

const src = join(import.meta.dirname, "../../src");
const files: SourceFile[] = readdirSync(src, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => /\.tsx?$/.test(path) && !path.endsWith(".d.ts"))
  .map((path) => ({ path, text: readFileSync(join(src, path), "utf8") }));

describe("The tree", () => {
  test("keeps the table of rooms", () => {
    expect(importViolations(files)).toEqual([]);
  });

  test("uses Bun and Deno globals in src/runtime only", () => {
    expect(runtimeGlobalViolations(files)).toEqual([]);
  });

  test("has a door with a header comment for every room that has files", () => {
    const lived = new Set(files.map((file) => roomOf(file.path)).filter((room) => room !== "" && room !== "gen"));
    const doorless = [...lived].filter((room) => {
      const door = join(src, room ?? "", "index.ts");
      return !existsSync(door) || !readFileSync(door, "utf8").startsWith("/**");
    });
    expect(doorless).toEqual([]);
  });

  test("names its doors' exports one by one", () => {
    expect(files.filter((file) => /^export \*/m.test(file.text) && roomOf(file.path) !== "gen")).toEqual([]);
  });
});

describe("The rule checker", () => {
  const broken: [title: string, path: string, text: string, says: string][] = [
    ["an import upwards", "base/x.ts", 'import { x } from "../model/index.ts";', rooms.base?.why as string],
    ["a type import upwards", "model/x.ts", 'import type { X } from "../http/index.ts";', rooms.model?.why as string],
    ["an import over several lines", "base/x.ts", 'import {\n  x,\n} from "../model/index.ts";', "src/base/x.ts"],
    ["a re-export", "base/x.ts", 'export { x } from "../model/index.ts";', "src/base/x.ts"],
    ["a late import", "base/x.ts", 'const x = await import("../model/index.ts");', "src/base/x.ts"],
    ["an import past the door", "model/x.ts", 'import { x } from "../base/clock.ts";', "src/base/index.ts"],
    [
      "a kind that imports a kind",
      "pyroscope/scrape/x.ts",
      'import { x } from "../write/index.ts";',
      "never import each other",
    ],
    ["a room that imports composition", "server/x.ts", 'import { x } from "../agent.ts";', "server may import"],
    ["a folder that is no room", "helpers/x.ts", 'import { x } from "../base/index.ts";', "lies in no room"],
    ["a file outside src", "base/x.ts", 'import { x } from "../../test/x.ts";', "complete without"],
    [
      "a library in the wrong room",
      "component/x.ts",
      'import { Counter } from "prom-client";',
      "only observability may",
    ],
    ["a socket in the wrong room", "pyroscope/write/x.ts", 'import http from "node:http";', "one client"],
  ];

  test.each(broken)("reports %s, with the reason", (_title, path, text, says) => {
    const violations = importViolations([{ path, text }]);
    expect(violations).toHaveLength(1);
    expect(violations[0]).toContain(says);
  });

  test("allows a door, a neighbour in the same room, generated code and a library", () => {
    const text = [
      'import type { Labels } from "../model/index.ts";',
      'import { read } from "./reader.ts";',
      'import { ProfileSchema } from "../gen/google/v1/profile_pb.ts";',
      'import { gunzipSync } from "node:zlib";',
    ].join("\n");
    expect(importViolations([{ path: "pprof/x.ts", text }])).toEqual([]);
  });

  test("reports a runtime global in code and not in a comment", () => {
    const text = "// Bun.serve is faster\n/** Deno.serve too */\nBun.serve({});";
    expect(runtimeGlobalViolations([{ path: "server/x.ts", text }])).toHaveLength(1);
    expect(runtimeGlobalViolations([{ path: "runtime/bun.ts", text }])).toEqual([]);
  });
});
