import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startScriptedDns } from "../discovery/scripted-dns.ts";
import { startSdServer } from "../discovery/sd-server.ts";
import { FakeApiServer } from "../kubernetes/fake-api-server.ts";
import { startBlackHole } from "../support/black-hole.ts";
import { cli } from "../support/cli.ts";

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pprof-agent-explain-"));
  writeFileSync(
    join(directory, "fleet.json"),
    JSON.stringify([
      { targets: ["a:1", "b:1"], labels: { team: "shop" } },
      { targets: ["c:1"], labels: { team: "bank" } },
      { targets: [""], labels: { team: "shop", pod: "nowhere" } },
    ]),
  );
});

afterAll(() => rmSync(directory, { recursive: true }));

function written(name: string, config: string): string {
  const path = join(directory, `${name}.toml`);
  writeFileSync(path, config);
  return path;
}

const onlyGoroutine = ["memory", "block", "mutex", "process_cpu"].map((type) => `${type}.enabled = false`).join("\n");

const fleet = (more = ""): string => `[discovery.file.fleet]
files = ["fleet.json"]
[discovery.relabel.shop]
targets = ["discovery.file.fleet"]
rule = { action = "keep", source_labels = "team", regex = "shop" }
[pyroscope.scrape.local]
targets = ["discovery.relabel.shop", { __address__ = "own:1" }]
forward_to = ["pyroscope.write.central"]
[pyroscope.scrape.local.profiling_config.profile]
${onlyGoroutine}
[pyroscope.write.central]
endpoint = { url = "http://x:1" }
rule = { action = "drop", source_labels = "instance", regex = "b:1" }
${more}`;

describe("agent check --explain, of targets that are found,", () => {
  test("counts what becomes of them and by which rule, and follows each one to what is sent", async () => {
    const { code, stdout, stderr } = await cli("check", "--config", written("fleet", fleet()), "--explain");
    expect([code, stderr]).toEqual([0, ""]);
    expect(existsSync(join(directory, "data-agent"))).toBe(false);
    expect(stdout.slice(0, stdout.indexOf("\n\n"))).toBe(`1 target in the file
  1 scraped
discovery.file.fleet: 4 targets found
  1 scraped
  1 scraped, but not sent: dropped by rule[0] of pyroscope.write.central: drop where instance matches "b:1"
  1 dropped by rule[0] of discovery.relabel.shop: keep where team matches "shop"
  1 skipped by pyroscope.scrape.local: Cannot scrape a target without the label "__address__"`);
    const path = join(directory, "fleet.json");
    expect(stdout).toContain(`
{__address__="b:1", __meta_filepath="${path}", team="shop"}, found by discovery.file.fleet
  discovery.relabel.shop, from discovery.file.fleet
    rule[0]: keep where team matches "shop"
      kept: team="shop" matches
    exports {__address__="b:1", __meta_filepath="${path}", team="shop"}
  pyroscope.scrape.local, from discovery.relabel.shop
    no rule
    scrapes http://b:1/debug/pprof/goroutine
      as {__name__="goroutine", instance="b:1", job="pyroscope.scrape.local", service_name="unspecified", team="shop"}
      pyroscope.write.central
        rule[0]: drop where instance matches "b:1"
          DROPPED: instance="b:1" matches

{__address__="c:1", __meta_filepath="${path}", team="bank"}, found by discovery.file.fleet
  discovery.relabel.shop, from discovery.file.fleet
    rule[0]: keep where team matches "shop"
      DROPPED: team="bank" does not match (the whole must)
`);
  });

  test("chooses by component and by text, of what was found and of what is sent", async () => {
    const file = written("choice", fleet('[discovery.file.other]\nfiles = ["none.json"]'));
    const ofComponent = await cli("check", "--config", file, "--explain", "discovery.file.fleet", "bank");
    expect(ofComponent.stdout).toStartWith("discovery.file.fleet: 4 targets found\n");
    expect(ofComponent.stdout).toContain('\n1 target with "bank"\n  1 dropped by rule[0] of discovery.relabel.shop');
    expect(ofComponent.stdout.match(/^\{/gm)).toHaveLength(1);
    const bySent = await cli("check", "--config", file, "--explain", 'instance="a:1"', "--json");
    expect(JSON.parse(bySent.stdout)).toMatchObject({
      found: [
        { component: "discovery.file.fleet", targets: 4, complete: true, failures: [] },
        { component: "discovery.file.other", targets: 0, complete: true },
      ],
      targets: [{ target: { __address__: "a:1" }, found_by: "discovery.file.fleet", outcome: "scraped" }],
    });
    const none = await cli("check", "--config", file, "--explain", "cart-7");
    expect(none.stdout).toContain(
      'No target holds "cart-7": it was not found, so no rule dropped it; look at the arguments of discovery.file.fleet, discovery.file.other, and',
    );
  });

  test("says which source did not answer in time and which one failed, and goes on with the others", async () => {
    await using hole = await startBlackHole();
    await using server = await startSdServer();
    server.answer({ status: 503, body: "no" });
    const file = written(
      "sources",
      `[discovery.http.slow]
url = "http://127.0.0.1:${hole.port}/"
[discovery.http.failing]
url = "${server.url}"
${fleet().replace('["discovery.file.fleet"]', '["discovery.file.fleet", "discovery.http.slow", "discovery.http.failing"]')}`,
    );
    const { code, stdout } = await cli("check", "--config", file, "--explain", "--timeout", "500ms");
    expect(code).toBe(1);
    expect(stdout).toContain("discovery.http.slow: 0 targets found\n  NO ANSWER within 500ms, or not to all that was");
    expect(stdout).toMatch(/discovery\.http\.failing: 0 targets found\n {2}FAILED: Cannot take targets .* 503/);
    expect(stdout).toContain("discovery.file.fleet: 4 targets found\n  1 scraped\n");
    const none = await cli("check", "--config", file, "--explain", "--timeout", "500ms", "cart-7");
    expect(none.stdout).toContain(
      'No target holds "cart-7": of discovery.http.slow, discovery.http.failing not all targets are known; see above',
    );
    const ofFleet = await cli("check", "--config", file, "--explain", "discovery.file.fleet");
    expect([ofFleet.code, ofFleet.stdout.includes("slow")]).toEqual([0, false]);
  });

  test("does not wait for who has refused, and says who else did not answer", async () => {
    await using api = await FakeApiServer.start();
    api.refuses = () => ({ status: 401, body: "" });
    writeFileSync(join(directory, "ca.pem"), api.ca);
    const kubernetes = written(
      "refused",
      `[discovery.kubernetes.shop]
role = "endpoints"
api_server = "${api.url}"
tls_config = { ca_file = "ca.pem" }`,
    );
    const refused = await cli(
      "check",
      "--config",
      kubernetes,
      "--explain",
      "discovery.kubernetes.shop",
      "--timeout",
      "1m",
    );
    expect(refused.code).toBe(1);
    expect(refused.stdout.match(/^ {2}FAILED .* 401; give the agent credentials/gm)).toHaveLength(3);
    expect(refused.stdout).not.toContain("NO ANSWER");
    await using dns = await startScriptedDns();
    dns.follow(({ name }) => (name === "silent.test" ? undefined : "SERVFAIL"));
    const names = written(
      "names",
      `[discovery.dns.shop]
names = ["silent.test.", "broken.test."]
servers = ["${dns.address}"]`,
    );
    const { stdout } = await cli("check", "--config", names, "--explain", "discovery.dns.shop", "--timeout", "500ms");
    expect(stdout).toMatch(
      /^ {2}FAILED broken\.test\.: .* SERVFAIL; see that .*\n {2}NO ANSWER within 500ms from others that were asked; wait/m,
    );
  });

  test("says why a source has nothing, and that what is looked for may have become no target", async () => {
    await using server = await startSdServer();
    server.groups([{ targets: ["a:1", "unix:///run/cart.sock"] }]);
    await using dns = await startScriptedDns();
    dns.fail("NXDOMAIN");
    const file = written(
      "nothing",
      `[discovery.http.fleet]
url = "${server.url}"
[discovery.dns.names]
names = "no-such-name.invalid."
servers = "${dns.address}"
[discovery.file.missing]
files = ["missing.json"]
[pyroscope.scrape.local]
targets = ["discovery.http.fleet", "discovery.dns.names", "discovery.file.missing"]
forward_to = "pyroscope.store.local"
[pyroscope.store.local]
`,
    );
    const { code, stdout } = await cli("check", "--config", file, "--explain", "cart");
    expect(code).toBe(0);
    expect(stdout).toContain("discovery.dns.names: 0 targets found\n  no-such-name.invalid.: no such name\n");
    expect(stdout).toContain(
      'No target holds "cart": it was not found, so no rule dropped it; it may be one of those of discovery.http.fleet that became no target, above; else look at the arguments of ',
    );
    expect(stdout).toMatch(/^Warning: discovery\.file\.missing: no file is named /m);
  });

  test("tells a process that is found several times from several processes", async () => {
    const label = (name: string): string => `__meta_docker_container_label_profiles_grafana_com_goroutine_${name}`;
    const labels = { [label("scrape")]: "true", [label("port")]: "6060" };
    writeFileSync(join(directory, "ports.json"), JSON.stringify([{ targets: ["p:8080", "p:6060"], labels }]));
    const file = written(
      "ports",
      `[discovery.file.ports]
files = ["ports.json"]
[pyroscope.scrape.local]
targets = ["discovery.file.ports"]
forward_to = "pyroscope.store.local"
rules_preset = "kubernetes-annotations"
[pyroscope.store.local]
`,
    );
    const { stdout } = await cli("check", "--config", file, "--explain");
    expect(stdout).toStartWith(`discovery.file.ports: 2 targets found
  1 scraped
  1 scraped by pyroscope.scrape.local as another target of the same process
`);
    expect(stdout).toContain(
      "scrapes http://p:6060/debug/pprof/goroutine once, as another target of the same process\n",
    );
  });

  test("does so with more of them than are compared at once", async () => {
    const label = (name: string): string => `__meta_docker_container_label_profiles_grafana_com_${name}`;
    const types = ["goroutine", "memory", "cpu"];
    const labels = Object.fromEntries(
      types.flatMap((type) => [
        [label(`${type}_scrape`), "true"],
        [label(`${type}_port`), "6060"],
      ]),
    );
    const pods = Array.from({ length: 400 }, (_, pod) => ({ targets: [`p${pod}:6060`, `p${pod}:8080`], labels }));
    writeFileSync(join(directory, "pods.json"), JSON.stringify(pods));
    const file = written(
      "pods",
      `[discovery.file.pods]
files = ["pods.json"]
[pyroscope.scrape.local]
targets = ["discovery.file.pods"]
forward_to = "pyroscope.store.local"
rules_preset = "kubernetes-annotations"
[pyroscope.store.local]
`,
    );
    const { stdout } = await cli("check", "--config", file, "--explain");
    expect(stdout).toStartWith(`discovery.file.pods: 800 targets found
  400 scraped
  400 scraped by pyroscope.scrape.local as another target of the same process
`);
  });

  test("says of what is scraped and not sent why that is so", async () => {
    const found = '[discovery.file.fleet]\nfiles = ["fleet.json"]\n';
    const write = (rules: string): string => `[pyroscope.write.w]\nendpoint = { url = "http://x:1" }\n${rules}`;
    const scrape = (forwardTo: string): string =>
      `${found}[pyroscope.scrape.local]\ntargets = "discovery.file.fleet"\nforward_to = ${forwardTo}\n`;
    const drop = `rule = [{ action = "drop", source_labels = "team", regex = "shop" }, { action = "keep", source_labels = "team", regex = "none" }]`;
    const both = `${scrape('["pyroscope.write.w", "pyroscope.store.s"]')}[pyroscope.store.s]\n${write(drop)}`;
    const told = async (config: string): Promise<readonly string[]> => {
      const { stdout } = await cli("check", "--config", written("unsent", config), "--explain");
      return stdout.split("\n").filter((line) => /^ {2}\d+ scraped/.test(line));
    };
    expect(await told(scrape("[]"))).toEqual([
      "  3 scraped, but sent nowhere: forward_to of pyroscope.scrape.local is empty",
    ]);
    expect(await told(scrape('"pyroscope.write.w"') + write(drop))).toEqual([
      '  2 scraped, but not sent: dropped by rule[0] of pyroscope.write.w: drop where team matches "shop"',
      '  1 scraped, but not sent: dropped by rule[1] of pyroscope.write.w: keep where team matches "none"',
    ]);
    const unnamed = 'rule = { action = "labeldrop", regex = "__name__" }';
    expect((await told(scrape('"pyroscope.write.w"') + write(unnamed)))[0]).toStartWith(
      "  3 scraped, but not sent by pyroscope.write.w, the first of them because: Cannot push a profile whose labels are invalid",
    );
    expect(await told(both)).toEqual(["  3 scraped"]);
  });

  test("shows what was discovered on its own line, as no terminal obeys it, and without passwords", async () => {
    const hostile = "\u001b[2J\u009b31mX\n  9 scraped\u202e";
    const labels = { evil: hostile, "na\u001bme\n": "v" };
    const path = join(directory, "hostile.json");
    writeFileSync(path, JSON.stringify([{ targets: ["a:1", "user:hunter2@c:1", "http://user:hunter2@d:1"], labels }]));
    const file = written(
      "hostile",
      `[discovery.file.hostile]
files = ["hostile.json"]
[pyroscope.scrape.local]
targets = "discovery.file.hostile"
forward_to = []
rule = [{ source_labels = "evil", target_label = "copied" }, { action = "labeldrop", regex = "evil" }]
`,
    );
    const { stdout } = await cli("check", "--config", file, "--explain");
    expect(stdout).toContain('      + copied="\\u001b[2J\\u009b31mX\\n  9 scraped\\u202e"\n');
    expect(stdout).toContain('"na\\u001bme\\n"="v"');
    expect(stdout).toContain('because: Cannot scrape "…@c:1": ');
    expect(stdout).toContain('{__address__="http://…@d:1", ');
    const { stdout: json } = await cli("check", "--config", file, "--explain", "--json");
    for (const output of [stdout, json]) {
      expect(output).not.toContain("hunter2");
      // oxlint-disable-next-line no-control-regex -- control characters are what this is about
      expect(output).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    }
    const { targets } = JSON.parse(json) as { targets: { target: Record<string, string> }[] };
    expect(targets[0]?.target["evil"]).toBe(hostile);
  });

  test("says where no component takes them, and who scrapes them in a cluster", async () => {
    const file = written(
      "unused",
      `[cluster.etcd]
endpoints = ["http://127.0.0.1:1"]
[discovery.file.fleet]
files = ["fleet.json"]
[pyroscope.scrape.local]
targets = [{ __address__ = "own:1" }]
forward_to = []
clustering = { enabled = true }
`,
    );
    const { stdout } = await cli("check", "--config", file, "--explain", "team=");
    expect(stdout).toContain("  4 not scraped, because no component that scrapes takes it\n");
    expect(stdout).toContain('team="bank"}, found by discovery.file.fleet\n  no component takes it\n');
    const { stdout: own } = await cli("check", "--config", file, "--explain", "pyroscope.scrape.local");
    expect(own).toContain(
      "In the cluster, each target of pyroscope.scrape.local is scraped by the one agent that it falls to.\n",
    );
  });
});
