import { describe, expect, test } from "bun:test";
import type { ComponentSnapshot } from "../../src/component/index.ts";
import type { ClusterStatus, DiscoveryStatus } from "../../src/model/index.ts";
import { testApp } from "./app.ts";
import { cluster, component, nowMs, target } from "./snapshots.ts";

async function page(components: readonly ComponentSnapshot[], status?: ClusterStatus): Promise<string> {
  return (await testApp(components, { cluster: () => status }).get("/")).text();
}

function finding(given: Partial<DiscoveryStatus>): ComponentSnapshot {
  const discovery = { targets: 0, sources: 1, shownSources: [], ...given };
  return component({ id: "discovery.http.fleet", debugInfo: { discovery } });
}

function scraping(debugInfo: ComponentSnapshot["debugInfo"]): ComponentSnapshot {
  return component({ id: "pyroscope.scrape.a", debugInfo: { targets: [], ...debugInfo } });
}

function tile(html: string, section: string): string {
  return new RegExp(`<a class="tile [a-z]+" href="#${section}">.*?</a>`).exec(html)?.[0] ?? "";
}

describe("the head of the page", () => {
  test("has a tile for discovery, which says that it fails", async () => {
    const well = tile(await page([finding({ targets: 5, lastSuccessMs: nowMs })]), "discovery");
    expect(well).toContain('class="tile good"');
    expect(well).toContain("5 targets found");
    const failing = tile(await page([finding({ targets: 5, lastError: "No" })]), "discovery");
    expect(failing).toContain('class="tile bad"');
    expect(failing).toContain("discovery failing");
    expect(tile(await page([finding({ targets: 5, fromDisk: 2 })]), "discovery")).toContain("2 of the last run");
    expect(tile(await page([scraping({})]), "discovery")).toBe("");
  });

  test.each([
    [{}, "good", "member, by etcd"],
    [{ state: "joining" }, "idle", "joining, by etcd"],
    [{ engineUp: false, lastError: "No" }, "bad", "engine down"],
    [{ state: "name_taken", problem: "Taken" }, "bad", "name taken"],
  ] as const)("has a tile for a cluster with %j", async (given, tone, words) => {
    const shown = tile(await page([scraping({})], cluster(given)), "cluster");
    expect(shown).toContain(`class="tile ${tone}"`);
    expect(shown).toContain(`<span>${words}</span>`);
  });
});

describe("a page without targets", () => {
  test("says that rules drop them, or what is wrong with them", async () => {
    expect(await page([scraping({ droppedTargets: 5 })])).toContain("Rules of pyroscope.scrape.a drop 5 of 5 targets.");
    expect(await page([scraping({}), finding({ targets: 1, dropped: 2 })])).toContain(
      "Rules of discovery.http.fleet drop 2 of 3 targets.",
    );
    const skippedTargets = { count: 3, reason: "bad_address", message: "Cannot scrape it" };
    expect(await page([scraping({ skippedTargets })])).toContain("3 of 3 targets skipped: Cannot scrape it.");
    expect(await page([scraping({})])).toContain("No targets yet");
  });
});

describe("a cluster in which another agent has this one's name", () => {
  const other = { name: "edge-1", instance: "another", url: "http://other:1/", startedMs: nowMs };
  const taken = cluster({ state: "name_taken", problem: "Taken", members: [other] });

  test("is not shown as if that were this agent", async () => {
    expect(await page([scraping({})], taken)).not.toContain("(this agent)");
    expect(await page([scraping({})], cluster())).toContain("(this agent)");
  });

  test("has no member that is this agent in the API", async () => {
    const answer = await testApp([], { cluster: () => taken }).get("/api/v0/cluster");
    expect(await answer.json()).toMatchObject({ members: [{ name: "edge-1", self: false }] });
  });
});

describe("what fails at one source only", () => {
  test("is shown once, and promises no last good targets where there are none", async () => {
    const failing = { name: "f", targets: 0, fromDisk: false, lastError: "No such file", lastErrorMs: nowMs };
    const html = await page([finding({ lastError: "No such file", lastErrorMs: nowMs, shownSources: [failing] })]);
    expect(html.split("No such file")).toHaveLength(2);
    expect(html).not.toContain("The last good targets stay");
    expect(await page([finding({ targets: 1, lastError: "No" }), scraping({ targets: [target("a:1")] })])).toContain(
      "The last good targets stay.",
    );
  });
});

describe("the arguments of a component", () => {
  test("show nothing of a URL's query, where a token may be", async () => {
    const url = "https://inventory.example.com/targets?token=hunter2";
    const given = { url, files: ["what?.json"], targets: [{ proxy: "unix:///run/a.sock:/p?key=hunter2" }] };
    const shown = await testApp([component({ id: "discovery.http.a", arguments: given })]).get(
      "/api/v0/components/discovery.http.a",
    );
    expect(((await shown.json()) as { arguments: unknown }).arguments).toEqual({
      url: "https://inventory.example.com/targets?(secret)",
      files: ["what?.json"],
      targets: [{ proxy: "unix:///run/a.sock:/p?(secret)" }],
    });
  });
});
