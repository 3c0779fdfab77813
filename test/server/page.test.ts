import { describe, expect, test } from "bun:test";
import { AgentError } from "../../src/base/index.ts";
import { labelsOf } from "../../src/model/index.ts";
import { style } from "../../src/server/page/style.ts";
import { testApp } from "./app.ts";
import { busyBox, cluster, component, endpoint, nowMs, profile, store, target } from "./snapshots.ts";

async function page(...[components, path = "/"]: [Parameters<typeof testApp>[0], string?]): Promise<string> {
  const response = await testApp(components).get(path);
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Type")).toBe("text/html; charset=UTF-8");
  return response.text();
}

function scraping(targets: readonly ReturnType<typeof target>[]) {
  return component({ id: "pyroscope.scrape.local", debugInfo: { targets } });
}

function shownTargets(html: string): number {
  return html.split("<summary>").length - 1;
}

describe("the page of a busy box", () => {
  test("counts what is up and what is not", async () => {
    const html = await page(busyBox());
    expect(html).toContain("<title>(3 down) pprof-agent</title>");
    expect(html).toContain("<b>8<small> of 12</small></b> targets up <span>3 with failures, 1 waiting</span>");
    expect(html).toContain("<b>1<small> of 2</small></b> endpoints up <span>1\u202f400 profiles wait</span>");
    expect(html).toContain("<b>90</b> profiles kept");
    expect(html).toContain("<span>1 unhealthy</span>");
  });

  test("has failures first, and one error of many types once", async () => {
    const html = await page(busyBox());
    expect(html.indexOf("billing")).toBeLessThan(html.indexOf("auth"));
    expect(html.split("connection refused; is the process running?")).toHaveLength(2);
    expect(html).toContain("All types");
    expect(html).toContain("never succeeded");
  });

  test("shows endpoints with what waits in memory and on disk, drops, error and what to do", async () => {
    const html = await page(busyBox());
    expect(html).toContain("214 in memory, 3.1MiB<br>1\u202f186 on disk, 17.5MiB");
    expect(html).toMatch(/oldest <time [^>]*>4 min ago/);
    expect(html).toContain('<strong class="bad">3</strong>');
    expect(html).toMatch(/2 <code>too_old<\/code>, 1 <code>invalid<\/code>; last <time [^>]*>1 min ago/);
    expect(html).toContain("at least 1 live replicas required");
    expect(html).toMatch(/Next attempt <time [^>]*>in 12 s<\/time>. <strong>To do:<\/strong> <bdi>look at the log/);
    expect(html).toContain("The server's clock is 1 min behind this machine's.");
  });

  test("tells an endpoint that answers and refuses everything from one that is up", async () => {
    const lastError = "Could not push: the server answered 400";
    const refusal = { lastError, lastDropMessage: lastError, lastErrorMs: nowMs, lastSuccessMs: nowMs - 120_000 };
    const html = await page([
      component({ id: "a.write.b", debugInfo: { endpoints: [endpoint(refusal), endpoint()] } }),
    ]);
    expect(html).toContain('<span class="state bad">refuses</span>');
    expect(html).toContain("<b>1<small> of 2</small></b> endpoints up");
  });

  test("says where nothing can be kept on disk", async () => {
    const problem = new AgentError("locked", 'Cannot use "/data": another agent <b>uses</b> it');
    const html = await (await testApp(busyBox(), { storage: () => ({ path: "/data", problem }) }).get("/")).text();
    expect(html).toContain(
      "<strong>Nothing is kept on disk.</strong> <bdi>Cannot use &quot;/data&quot;: another agent &lt;b&gt;",
    );
    expect(await page(busyBox())).not.toContain("Nothing is kept on disk");
  });

  test("shows what is on disk that nobody sends, until when, and what to do for it", async () => {
    const left = [
      { component: "a.left.<b>", profiles: 1200, bytes: 2048, oldestMs: nowMs - 60_000, keptUntilMs: nowMs + 120_000 },
      { component: "a.newer.c", profiles: 0, bytes: 0, newerBytes: 1024 },
    ];
    const leftEndpoints = [{ endpoint: "http://old:4040", profiles: 7, bytes: 10 }];
    const damagedOnDisk = { profiles: 8, lastMs: nowMs - 60_000 };
    const present = component({ id: "a.write.b", debugInfo: { leftEndpoints, damagedOnDisk } });
    const html = await (await testApp([present], { leftComponents: () => left }).get("/")).text();
    const [, section = ""] = html.split(/On disk, and not sent|<\/section>\n<section id="components"/);
    expect(section.match(/<tr><td>/g)).toHaveLength(4);
    expect(section).toMatch(
      /8 damaged<br><span class="hint">noticed <time [^>]*>1 min ago.*check the disk or SD card/s,
    );
    expect(html).toContain("<bdi>a.left.&lt;b&gt;</bdi>");
    expect(html).toMatch(/1\u202f200, 2KiB<br><span class="hint">oldest <time [^>]*>1 min ago/);
    expect(html).toMatch(/goes <time [^>]*>in 2 min<\/time>.*put the component back into the configuration/);
    expect(html).toMatch(/old:4040.*a\.write\.b.*until the clock of this machine is set.*put the endpoint back/s);
    expect(html).toMatch(/1KiB.*<bdi>a\.newer\.c<\/bdi>.*left alone.*run the later version/s);
    expect(await page([component({ id: "a.write.b" })])).not.toContain("On disk, and not sent");
  });

  test("shows the cluster, its members and what of the targets is this agent's", async () => {
    const share = component({
      id: "pyroscope.scrape.local",
      debugInfo: { targets: [], share: { knownTargets: 300, ownedTargets: 0 } },
    });
    const response = await testApp([share], {
      cluster: () => cluster({ state: "kept", problem: "<b>No engine</b>" }),
    }).get("/");
    const html = await response.text();
    expect(html).toContain('<span class="state bad">engine lost</span> <strong><bdi>edge-1</bdi></strong>');
    expect(html).toContain("2 members in etcd, one that is gone is missed after 10s; renewed ");
    expect(html).toContain("<bdi>&lt;b&gt;No engine&lt;/b&gt;</bdi>");
    expect(html).toContain("<bdi>pyroscope.scrape.local</bdi>: 0 of 300 targets are this agent's");
    expect(html).toContain('<a href="http://edge-2:12345/"><bdi>http://edge-2:12345/</bdi></a>');
    expect(html).toContain("No targets of its own.</strong> 300 targets are known here");
    expect(await page(busyBox())).not.toContain('id="cluster"');
  });

  test("says why profiles are not kept on disk, and nothing of clocks that agree", async () => {
    const endpoints = [endpoint({ spoolProblem: "No space is left", clockSkewMs: 29_999 })];
    const html = await page([component({ id: "pyroscope.write.local", debugInfo: { endpoints } })]);
    expect(html).toContain("<strong>Disk:</strong> <bdi>No space is left</bdi>");
    expect(html).not.toContain("clock is");
    expect(html).not.toContain("To do:");
  });

  test("says that a target's clock is wrong, once", async () => {
    const types = ["block", "mutex", "memory"].map((type) => target("h:1", { type, clockSkewMs: 7_300_000 }));
    const html = await page([scraping([...types, target("h:2", { clockSkewMs: -400 })])]);
    expect(html.match(/clock is [^<]*/g)).toEqual(["clock is 2 h ahead of this machine's."]);
  });

  test("says what an unhealthy component does", async () => {
    expect(await page(busyBox())).toContain("It goes on with the arguments it had.");
  });
});

describe("what came from outside", () => {
  const attack = `"'><script>alert(1)</script>`;

  test("is text, wherever it stands", async () => {
    const labels = labelsOf({ __name__: attack, service_name: attack, instance: attack, evil: attack });
    const hostile = target("h:1", {
      type: attack,
      labels,
      job: attack,
      health: "down",
      lastError: attack,
      lastErrorReason: attack,
      deltaWithheld: attack,
    });
    const components = [
      component({
        id: `a.scrape.${attack}`,
        health: { state: "unhealthy", message: attack, updatedMs: 0 },
        debugInfo: {
          targets: [hostile, target("x", { url: `javascript:${attack}` })],
          endpoints: [
            endpoint({
              name: attack,
              url: attack,
              state: "down",
              lastError: attack,
              advice: attack,
              spoolProblem: attack,
              droppedProfiles: 1,
              droppedByReason: { [attack]: 1 },
            }),
          ],
        },
        exports: { profiles: store([profile(attack, labels)]) },
        referencesTo: [attack],
      }),
    ];
    const html = await page(components);
    expect(html).not.toContain("<script");
    expect(html).toContain("&lt;script&gt;");
    expect(html).not.toContain('href="javascript:');
    expect(html).not.toMatch(/="[^"<>]*[<>]/);
  });

  test("stays on one line and has an end", async () => {
    const html = await page([
      scraping([target("h:1", { health: "down", lastError: `a\n\u001b[31m${"x".repeat(10_000)}` })]),
    ]);
    expect(html).not.toContain("\u001b");
    expect(html.length).toBeLessThan(20_000);
  });

  test("cannot leave the quotes of a command", async () => {
    const service = '$(reboot)`reboot`"!\\';
    const components = [
      component({
        id: "a.store.c",
        exports: { profiles: store([profile("1", { __name__: "memory", service_name: service })]) },
      }),
    ];
    const [, command] = /go tool pprof "([^"<]*)"/.exec(await page(components)) ?? [];
    expect(command).toMatch(/^http:\/\/127\.0\.0\.1:12345\/api\/v0\/profiles\/merge\?/);
    expect(command).not.toMatch(/[$`!\\' ]/);
    const url = new URL((command ?? "").replaceAll("&amp;", "&"));
    expect(url.searchParams.get("label")).toBe(`service_name=${service}`);
  });

  test("is not repeated in a command where the reader's Host header is no host name", async () => {
    const components = [
      component({ id: "a.store.c", exports: { profiles: store([profile("1", { __name__: "m" })]) } }),
    ];
    const { get } = testApp(components);
    expect(await (await get("http://edge-7:8080/")).text()).toContain('go tool pprof "http://edge-7:8080/api/');
    const html = await (await get("http://$(reboot)/")).text();
    expect(html).toContain('go tool pprof "http://127.0.0.1:12345/api/');
    expect(html).not.toContain("reboot");
  });

  test("never shows userinfo", async () => {
    const components = [
      component({
        id: "a.b.c",
        debugInfo: {
          targets: [target("h", { url: "http://u:hunter2@h:1/debug" })],
          endpoints: [endpoint({ name: "http://u:hunter2@s", url: "http://u:hunter2@s" })],
        },
      }),
    ];
    expect(await page(components)).not.toContain("hunter2");
  });
});

describe("the page of an agent with little to show", () => {
  test.each([
    ["nothing is configured", [], "agent --target http://localhost:6060"],
    ["a scrape has no targets", [scraping([])], "Nothing is listed in <code>targets</code>"],
    ["nothing receives profiles", [scraping([target("h:1")])], "Profiles go nowhere."],
    ["nothing keeps profiles", [scraping([target("h:1")])], "None are kept on this box."],
    [
      "nothing has been stored yet",
      [scraping([target("h:1")]), component({ id: "pyroscope.store.local", exports: { profiles: store([]) } })],
      "The first ones come within one scrape interval",
    ],
  ])("says what to do where %s", async (_, components, words) => {
    expect(await page(components)).toContain(words);
  });
});

describe("the page of 2,000 targets with 5 types", () => {
  const targets = Array.from({ length: 10_000 }, (_, index) => {
    const number = Math.floor(index / 5);
    const failing = number % 400 === 399;
    return target(`10.1.${number >> 8}.${number & 255}:6060`, {
      service: `service-${String(number).padStart(4, "0")}`,
      type: ["block", "goroutine", "memory", "mutex", "process_cpu"][index % 5] ?? "",
      ...(failing && { health: "down" as const, lastError: "Cannot connect" }),
    });
  });
  const components = [scraping(targets)];

  test("is bounded, with the failing ones in it", async () => {
    const html = await page(components);
    expect(shownTargets(html)).toBe(100);
    expect(html.split("Cannot connect")).toHaveLength(5 + 1);
    expect(html.length).toBeLessThan(600_000);
    expect(html).toContain("100 of 2\u202f000 targets, those with failures first.");
  });

  test("shows all, or only those with failures, when asked to", async () => {
    expect(shownTargets(await page(components, "/?targets=all"))).toBe(2000);
    expect(shownTargets(await page(components, "/?targets=down"))).toBe(5);
  });
});

describe("reloading by itself", () => {
  test("is off, offered, and kept by the other links", async () => {
    expect(await page(busyBox())).not.toContain('http-equiv="refresh"');
    const html = await page(busyBox(), "/?refresh=10");
    expect(html).toContain('<meta http-equiv="refresh" content="10">');
    expect(html).toContain('href="/?targets=down&amp;refresh=10#targets"');
  });

  test.each(["0", "1", "-5", "x", "1e9", "2.5"])("every %p seconds is not done", async (seconds) => {
    expect(await page(busyBox(), `/?refresh=${seconds}`)).not.toContain('http-equiv="refresh"');
  });
});

test("the policy allows the page's own style sheet and no other", async () => {
  const response = await testApp([]).get("/");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  expect(response.headers.get("Content-Security-Policy")).toContain(
    `style-src 'sha256-${Buffer.from(digest).toString("base64")}'`,
  );
  expect(await response.text()).toContain(`<style>${style}</style>`);
});
