import { describe, expect, test } from "bun:test";
import type { DiscoveryStatus } from "../../src/model/index.ts";
import { testApp } from "./app.ts";
import { component } from "./snapshots.ts";

const nowMs = Date.UTC(2026, 0, 31, 12);
const id = "discovery.http.fleet";

function discovering(discovery: Partial<DiscoveryStatus>) {
  const status = { targets: 2, sources: 1, shownSources: [], ...discovery };
  return [component({ id, debugInfo: { discovery: status } })];
}

async function page(discovery: Partial<DiscoveryStatus>): Promise<string> {
  return (await testApp(discovering(discovery)).get("/")).text();
}

describe("what discovers targets", () => {
  test("is on the page with its errors, those of the look before those of sources", async () => {
    const html = await page({
      targets: 1234,
      lastError: "Nobody <b>answers</b>",
      lastErrorMs: nowMs,
      shownSources: [{ name: "/etc/a.json", targets: 7, fromDisk: false, lastError: "Line 3", lastErrorMs: nowMs }],
    });
    expect(html).toContain(`<a href="/api/v0/components/${id}">`);
    expect(html).toContain('<td data-name="targets">1\u202f234</td>');
    expect(html).toContain('<span class="state bad">failing</span>');
    expect(html.indexOf("Nobody &lt;b&gt;answers")).toBeLessThan(html.indexOf("Line 3"));
    expect(html).toContain("The last good targets stay.");
  });

  test("tells that targets are those of the last run", async () => {
    const html = await page({ shownSources: [{ name: "x", targets: 2, fromDisk: true, foundMs: nowMs }] });
    expect(html).toContain('<span class="state idle">waiting</span>');
    expect(html).toMatch(/2 targets of the last run, found <time/);
  });

  test("tells what it found that is no target", async () => {
    const html = await page({ skippedObjects: { too_many_ports: 65_435, no_address: 1 } });
    expect(html).toContain("Found, but no target: 65\u202f435 too many ports, 1 no address.");
    expect(await page({})).not.toContain("no target");
  });

  test("tells what a source that has nothing says", async () => {
    const shownSources = [{ name: "x.test", targets: 0, fromDisk: false, remark: "no such name" }];
    expect(await page({ shownSources })).toContain("<bdi>x.test: no such name</bdi>.");
    const answer = await (await testApp(discovering({ shownSources })).get(`/api/v0/components/${id}`)).json();
    expect(answer).toMatchObject({ debug_info: { discovery: { shown_sources: [{ remark: "no such name" }] } } });
  });

  test("is well when nothing is wrong, and not there at all where nothing is discovered", async () => {
    expect(await page({ lastSuccessMs: nowMs })).toContain('<span class="state good">well</span>');
    expect(await (await testApp([component({ id: "pyroscope.scrape.a" })]).get("/")).text()).not.toContain("Discovery");
  });

  test("is in the API with its times and sources", async () => {
    const components = discovering({
      lastSuccessMs: nowMs,
      skippedObjects: { no_address: 1 },
      shownSources: [{ name: "x", targets: 2, fromDisk: true, foundMs: nowMs, lastError: "Gone", lastErrorMs: nowMs }],
    });
    const answer = (await (await testApp(components).get(`/api/v0/components/${id}`)).json()) as {
      debug_info: { discovery: unknown };
    };
    const at = "2026-01-31T12:00:00.000Z";
    expect(answer.debug_info.discovery).toEqual({
      targets: 2,
      last_success: at,
      sources: 1,
      skipped_objects: { no_address: 1 },
      shown_sources: [{ name: "x", targets: 2, found: at, from_disk: true, last_error: "Gone", last_error_at: at }],
    });
  });
});
