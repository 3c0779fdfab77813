import { describe, expect, test } from "bun:test";
import { labelsOf } from "../../../src/model/index.ts";
import { planScrapes } from "../../../src/pyroscope/scrape/plan.ts";
import { only } from "./a-manager.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

describe("the process that a CPU profile is taken of", () => {
  const rows: [what: string, labels: Record<string, string>, process: string][] = [
    ["is an address", { __address__: "a:1" }, "http://a:1"],
    ["is the same for another path below /debug/", { __profile_path__: "/debug/other/profile" }, "http://a:1"],
    ["is the same with parameters", { __param_debug: "/debug/x" }, "http://a:1"],
    ["is what a prefix leads to", { __profile_path_prefix__: "/shop/cart" }, "http://a:1/shop/cart"],
    ["is what a path leads to", { __profile_path__: "/shop/debug/pprof/profile" }, "http://a:1/shop"],
    [
      "is the directory of a path without /debug/",
      { __profile_path__: "/shop/pprof/profile" },
      "http://a:1/shop/pprof",
    ],
    ["is a socket", { __address__: "unix:///run/debug/a.sock" }, "unix:///run/debug/a.sock:"],
  ];
  test.each(rows)("%s", (_, labels, process) => {
    const args = parseScrapeArguments(only("process_cpu"));
    const targets = [labelsOf({ __address__: "a:1", ...labels })];
    const { scrapes } = planScrapes(targets, { id: "x", args, infersServiceName: true });
    expect(scrapes.map((scrape) => scrape.process)).toEqual([process]);
  });
});
