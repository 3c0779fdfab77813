import { describe, expect, test } from "bun:test";
import { scrapeWarnings } from "../../../src/pyroscope/scrape/warnings.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

const id = "pyroscope.scrape.local";

function warnings(config: Record<string, unknown>): Promise<readonly string[]> {
  return scrapeWarnings({ id, args: parseScrapeArguments(config), infersServiceName: true });
}

describe("The warnings of a scrape component", () => {
  const tls = { tls_config: { min_version: "TLS13" } };
  const target = { __address__: "localhost:6060" };

  test("tell of a tls_config where every target is asked in plain http", async () => {
    expect(await warnings({ ...tls, targets: [target] })).toEqual([
      `${id}: tls_config: without effect, because nothing is requested over https; set the scheme to https, or remove it`,
    ]);
  });

  test.each([
    ["a target by https is among them", [target, { ...target, __scheme__: "https" }]],
    ["more targets are found while it runs", [target, "discovery.http.pods"]],
  ])("tell of none where %s", async (_title, targets) => {
    expect(await warnings({ ...tls, targets })).toEqual([]);
  });

  test("tell of targets in the file that the rules drop", async () => {
    const rule = { action: "drop", source_labels: "team", regex: "bank" };
    expect(await warnings({ rule, targets: [target, { ...target, team: "bank" }] })).toEqual([
      `${id}: the rules drop 1 of 2 targets in this file; "agent check --explain" shows which one does`,
    ]);
  });

  test("tell of types that targets ask for in vain, also after the rules", async () => {
    const asking = (types: string, address = "a:1") => ({ __address__: address, __profile_types__: types });
    const profile = { block: { enabled: false } };
    const rule = { source_labels: "ask", regex: "(.+)", target_label: "__profile_types__" };
    const targets = [
      asking("memroy,goroutine"),
      asking("block"),
      asking("nonsense"),
      { ...target, ask: "cpu" },
      target,
    ];
    const about = (address: string, problem: string): string =>
      `${id}: "__profile_types__" of "${address}": ${problem}`;
    expect(await warnings({ targets, rule, profiling_config: { profile } })).toEqual([
      about("a:1", '"memroy" is no profile type that is configured; did you mean "memory"?'),
      about("a:1", '"block" is switched off in profiling_config'),
      about("a:1", '"nonsense" is no profile type that is configured'),
      about("localhost:6060", '"cpu" is no profile type that is configured; did you mean "process_cpu"?'),
    ]);
  });
});
