import { describe, expect, test } from "bun:test";
import { nearest, nearestFirst } from "../../src/base/index.ts";

describe("nearest()", () => {
  const table: readonly (readonly [word: string, candidates: readonly string[], meant: string | undefined])[] = [
    ["chek", ["run", "check"], "check"],
    ["wran", ["debug", "info", "warn"], "warn"],
    ["JSON", ["text", "json"], "json"],
    ["scrape_timeout", ["scrape_interval", "scrape_timeouts"], "scrape_timeouts"],
    ["frobnicate", ["run", "check"], undefined],
    ["x", [], undefined],
  ];
  for (const [word, candidates, meant] of table)
    test(`takes "${word}" among ${candidates.join(", ") || "nothing"} for ${meant ?? "a stranger"}`, () =>
      expect(nearest(word, candidates)).toBe(meant));
});

describe("nearestFirst()", () => {
  test("orders all by how near they are, and leaves those as near in their order", () => {
    expect(nearestFirst("edge2", ["shop", "edge1", "store", "edge2", "edge3"])).toEqual([
      "edge2",
      "edge1",
      "edge3",
      "shop",
      "store",
    ]);
  });
});
