import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import * as v from "valibot";
import { httpKind } from "../../src/discovery/http.ts";
import { limits } from "../../src/base/index.ts";
import { runDiscovery } from "./running-discovery.ts";
import { type SdAnswer, startSdServer } from "./sd-server.ts";

const often = { refresh_interval: "50ms" };

describe("discovery.http", () => {
  test("makes a target of every address, with the labels of its group and where it comes from", async () => {
    await using server = await startSdServer();
    server.groups([
      { targets: ["a:1", "b:1"], labels: { env: "prod", shard: 3, "odd-name": "x", __meta_rack: "r1" } },
      { targets: ["c:1"] },
      { targets: [], labels: { env: "none" } },
    ]);
    await using discovery = runDiscovery(httpKind, { url: server.url, refresh_interval: "15s" });
    await discovery.untilAddresses(["a:1", "b:1", "c:1"]);
    const own = { env: "prod", shard: "3", "odd-name": "x", __meta_rack: "r1", __meta_url: server.url };
    expect(discovery.targets()).toEqual([
      { __address__: "a:1", ...own },
      { __address__: "b:1", ...own },
      { __address__: "c:1", __meta_url: server.url },
    ]);
    expect(server.asked[0]).toMatchObject({
      accept: "application/json",
      "user-agent": "pprof-agent/test",
      "x-prometheus-refresh-interval-seconds": "15",
    });
  });

  test("follows the answers, keeps the last good one through failures and empties at an empty list", async () => {
    await using server = await startSdServer();
    server.groups([{ targets: ["a:1"] }]);
    await using discovery = runDiscovery(httpKind, { url: server.url, ...often });
    await discovery.untilAddresses(["a:1"]);
    server.answer({ status: 503, body: "in a moment" });
    const failed = await discovery.untilStatus("it failed", ({ lastError }) => lastError !== undefined);
    expect(failed.lastError).toBe(
      `Cannot take targets from "${server.url}": the server answered HTTP status 503 with "in a moment"; look at the server that names the targets: until it answers, those it named before are scraped on`,
    );
    await server.down();
    await discovery.untilStatus("it is refused", ({ lastError = "" }) => lastError.includes("connection refused"));
    expect(discovery.addresses()).toEqual(["a:1"]);
    await server.up();
    server.groups([{ targets: ["b:1"] }]);
    await discovery.untilAddresses(["b:1"]);
    expect(discovery.status()).not.toHaveProperty("lastError");
    server.groups([]);
    await discovery.untilAddresses([]);
    server.groups([{ targets: ["a:1"] }]);
    await discovery.untilAddresses(["a:1"]);
  });

  const page = "<html><title>Sign in</title></html>";
  const unusable: readonly [title: string, answer: SdAnswer, says: string][] = [
    [
      "a page",
      { headers: { "content-type": "text/html" }, body: page },
      `the answer has Content-Type "text/html" in place of "application/json" and begins with "${page}"; correct the URL or the server`,
    ],
    [
      "another charset",
      { headers: { "content-type": "application/json; charset=latin1" } },
      'Content-Type "application',
    ],
    [
      "cut JSON",
      { body: '[{"targets": ["127' },
      `the answer is not JSON, line 1, column 19: it ends too early, behind "[{"targets": ["127"; correct the URL or the server`,
    ],
    [
      "broken JSON",
      { body: '[\n  {"targets": ["a:2"]}\n  {"targets": []}\n]' },
      `the answer is not JSON, line 3, column 3: comma expected at "{"targets": []} ]"; correct`,
    ],
    ["an empty body", { body: " \n" }, "the answer is empty; correct the URL or the server"],
    [
      "an empty page",
      { headers: { "content-type": "text/html" } },
      'in place of "application/json" and is empty; correct the URL or the server',
    ],
    ["status 401", { status: 401 }, "for example basic_auth or bearer_token_file: it sends none"],
    ["status 404", { status: 404 }, "answered HTTP status 404; correct the path of url"],
    ["status 204", { status: 204 }, "answered HTTP status 204"],
    ["a group without its brackets", { body: '{"targets": ["a:1"]}' }, "found a table; put the group in brackets"],
    ["null for a group", { body: '[{"targets":["a:1"]},null]' }, "group 2: expected a group such as"],
    ["a member nobody knows", { body: '[{"target":["a:1"]}]' }, 'group 1: "target" is no part of a group'],
    ["one address for a list", { body: '[{"targets":"a:1"}]' }, '"targets" must be a list of addresses, found "a:1"'],
    ["a number for an address", { body: '[{"targets":[6060]}]' }, "found the number 6060 in it"],
    ["a list for labels", { body: '[{"targets":[],"labels":[]}]' }, '"labels" must be a table, found a list'],
    [
      "a table for a label",
      { body: '[{"targets":[],"labels":{"a":{}}}]' },
      'the label "a" must be a string, found a table',
    ],
    [
      "too many targets",
      { body: JSON.stringify([{ targets: Array.from({ length: limits.discoveredTargets + 1 }, () => "a:1") }]) },
      "they are more than 20000; narrow down what is discovered, or divide it among several components",
    ],
    ["too large a body", { body: Buffer.alloc(limits.discoveryBytes + 1, " ") }, "32MiB; narrow down"],
    [
      "more than that when uncompressed",
      { headers: { "content-encoding": "gzip" }, body: gzipSync(Buffer.alloc(limits.discoveryBytes + 1, " ")) },
      "uncompressed, the answer is more than 32MiB",
    ],
    ["no gzip", { headers: { "content-encoding": "gzip" }, body: "[]" }, "not the gzip that it says it is"],
  ];

  test.concurrent.each(unusable)(
    "keeps what it has when the answer is %s, and says so",
    async (_title, answer, says) => {
      await using server = await startSdServer();
      server.groups([{ targets: ["a:1"] }]);
      await using discovery = runDiscovery(httpKind, { url: server.url });
      await discovery.untilAddresses(["a:1"]);
      server.answer(answer);
      // Other arguments are a reason to look at once.
      discovery.apply({ url: server.url, refresh_interval: "30s" });
      const { lastError } = await discovery.untilStatus("it failed", (status) => status.lastError !== undefined);
      expect(lastError).toContain(says);
      expect(discovery.addresses()).toEqual(["a:1"]);
    },
  );

  test("waits no longer than its interval for an answer", async () => {
    await using server = await startSdServer();
    server.answer({ silent: true });
    await using discovery = runDiscovery(httpKind, { url: server.url, refresh_interval: "100ms" });
    const { lastError } = await discovery.untilStatus("it failed", (status) => status.lastError !== undefined);
    expect(lastError).toContain("100ms");
  });

  test("takes compressed answers", async () => {
    await using server = await startSdServer();
    server.answer({ headers: { "content-encoding": "gzip" }, body: gzipSync('[{"targets":["a:1"]}]') });
    await using discovery = runDiscovery(httpKind, { url: server.url });
    await discovery.untilAddresses(["a:1"]);
  });

  test("authenticates, and tells nobody how", async () => {
    await using server = await startSdServer();
    server.groups([{ targets: ["a:1"] }]);
    const basic_auth = { username: "edge", password: "correct-horse" };
    await using discovery = runDiscovery(httpKind, { url: server.url, basic_auth, ...often });
    await discovery.untilAddresses(["a:1"]);
    const { authorization = "" } = server.asked[0] ?? {};
    expect(Buffer.from(authorization.replace("Basic ", ""), "base64").toString()).toBe("edge:correct-horse");
    server.answer({ status: 401, body: `No: ${authorization}` });
    const { lastError } = await discovery.untilStatus("it failed", (status) => status.lastError !== undefined);
    expect(lastError).toContain("401");
    expect(lastError).not.toContain(authorization.replace("Basic ", ""));
  });

  test("refuses a small answer that says much, before it makes the targets", async () => {
    await using server = await startSdServer();
    const addresses = Array.from({ length: 4000 }, (_, index) => `a:${index}`);
    server.groups([{ targets: addresses, labels: { note: "x".repeat(500_000) } }]);
    const before = process.memoryUsage().rss;
    await using discovery = runDiscovery(httpKind, { url: server.url });
    const { lastError } = await discovery.untilStatus("it failed", (status) => status.lastError !== undefined);
    expect(lastError).toBe(
      `Cannot take targets from "${server.url}": the labels of the first 68 targets are more than 32MiB; give them fewer or shorter labels`,
    );
    expect(await discovery.metricsText()).toContain('reason="too_large"} 1');
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 1024 ** 2);
  });

  test("shows the URL in labels without its query, which may hold a token", async () => {
    await using server = await startSdServer();
    server.groups([{ targets: ["a:1", "unix:///run/docker.sock"] }]);
    await using discovery = runDiscovery(httpKind, { url: `${server.url}?token=sesame` });
    await discovery.untilAddresses(["a:1"]);
    expect(discovery.targets()).toEqual([{ __address__: "a:1", __meta_url: server.url }]);
  });

  test("answers for the next run while the server is away", async () => {
    const storagePath = mkdtempSync(join(tmpdir(), "discovery-offline-"));
    await using server = await startSdServer();
    server.groups([{ targets: ["a:1"], labels: { env: "prod" } }]);
    const first = runDiscovery(httpKind, { url: server.url }, { storagePath });
    await first.untilAddresses(["a:1"]);
    await first.stop();
    await server.down();
    {
      await using second = runDiscovery(httpKind, { url: server.url, ...often }, { storagePath });
      await second.untilAddresses(["a:1"]);
      expect(second.targets()).toEqual([{ __address__: "a:1", env: "prod", __meta_url: server.url }]);
      const status = await second.untilStatus("it failed", ({ lastError }) => lastError !== undefined);
      expect(status.shownSources).toMatchObject([{ name: server.url, targets: 1, fromDisk: true }]);
      await server.up();
      server.groups([{ targets: ["b:1"] }]);
      await second.untilAddresses(["b:1"]);
    }
    rmSync(storagePath, { recursive: true });
  });

  test.each([
    ["ftp://host/x", "expected a URL that begins with http:// or https://"],
    ["host:80/targets", 'write "http://host:80/targets"'],
    ["unix:/run/sd.sock", 'write "unix:///run/sd.sock"'],
    ["http://edge:hunter2@host/", "must not hold a user name or password: use basic_auth"],
  ])("does not take %s for its URL", (url, says) => {
    const { issues } = v.safeParse(httpKind.schema, { url });
    expect(issues?.map(({ message }) => message).join()).toContain(says);
    expect(JSON.stringify(issues?.map(({ message }) => message))).not.toContain("hunter2");
  });
});
