import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { agentCommand } from "../e2e/agent.ts";
import { runChild } from "../support/child.ts";
import { cli } from "../support/cli.ts";

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pprof-agent-check-"));
});

afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const toml = `[pyroscope.scrape.local]
targets = [{ __address__ = "localhost:6060", service_name = "shop" }]
forward_to = ["pyroscope.store.local"]
scrape_interval = "1m"
[pyroscope.scrape.local.profiling_config.profile]
memory.enabled = false
block.enabled = false
mutex.enabled = false
[pyroscope.store.local]
`;

const profile = { memory: { enabled: false }, block: { enabled: false }, mutex: { enabled: false } };
const json = JSON.stringify({
  pyroscope: {
    scrape: {
      local: {
        targets: [{ __address__: "localhost:6060", service_name: "shop" }],
        forward_to: ["pyroscope.store.local"],
        scrape_interval: "1m",
        profiling_config: { profile },
      },
    },
    store: { local: {} },
  },
});

const labels = (type: string): string =>
  `{__name__="${type}", instance="localhost:6060", job="pyroscope.scrape.local", service_name="shop"}`;

const plan = `Valid: 2 components, 2 URLs to scrape

pyroscope.scrape.local -> pyroscope.store.local
  http://localhost:6060/debug/pprof/goroutine
    goroutine: every 1m, timeout 1m3s
    ${labels("goroutine")}
  http://localhost:6060/debug/pprof/profile?seconds=59
    process_cpu: every 1m, 59s long, timeout 1m3s
    ${labels("process_cpu")}

pyroscope.store.local

Warning: `;

describe("agent check", () => {
  test("shows the plan of a TOML file and of a JSON file alike, with warnings", async () => {
    const [ofToml, ofJson] = [await cli("check", file("a.toml", toml)), await cli("check", file("a.json", json))];
    expect(ofToml.stdout).toStartWith(plan);
    expect(ofToml.stdout).toMatch(/Warning: pyroscope\.scrape\.local: .* 59 s.*30 s/);
    expect([ofToml.code, ofToml.stderr]).toEqual([0, ""]);
    expect(ofJson).toEqual(ofToml);
  });

  test("shows the plan of flags", async () => {
    const { code, stdout } = await cli("check", "--target", "localhost:6060/admin", "--label", "env=test");
    expect(code).toBe(0);
    expect(stdout).toStartWith(
      "Valid: 2 components, 5 URLs to scrape\n\npyroscope.scrape.default -> pyroscope.store.default\n",
    );
    expect(stdout).toContain("  http://localhost:6060/admin/debug/pprof/allocs\n");
    expect(stdout).toContain('env="test"');
  });

  // Every place where the client's arguments stand; relative paths start from the file's directory.
  const files = `[pyroscope.scrape.local]
targets = [{ __address__ = "localhost:6060" }]
forward_to = ["pyroscope.write.central"]
scheme = "https"
tls_config.ca_file = "no-ca.pem"
[phlare.scrape.old]
targets = [{ __address__ = "localhost:6060" }]
forward_to = ["pyroscope.write.central"]
http_client_config.bearer_token_file = "not-a-token"
[[pyroscope.write.central.endpoint]]
url = "https://localhost"
basic_auth = { username = "edge", password_file = "no-password" }
`;

  test("warns of files that cannot be used, with component, argument, file and what to do, and shows nothing of them", async () => {
    file("not-a-token", "s3cret\ns3cret\n");
    const { code, stdout, stderr } = await cli("check", file("files.toml", files));
    expect([code, stderr]).toEqual([0, ""]);
    const noFile = "there is no such file; create it or correct the path";
    expect(stdout.split("\n").filter((line) => line.startsWith("Warning"))).toEqual([
      `Warning: pyroscope.scrape.local: tls_config.ca_file: Cannot read the certificate authorities from "${directory}/no-ca.pem": ${noFile}`,
      `Warning: pyroscope.write.central: endpoint "https://localhost": basic_auth.password_file: Cannot read the password from "${directory}/no-password": ${noFile}`,
      `Warning: phlare.scrape.old: bearer_token_file: Cannot read the bearer token from "${directory}/not-a-token": it holds more than one line; write nothing but the secret into it`,
    ]);
    expect(stdout).not.toContain("s3cret");
    const asJson = await cli("check", "--json", file("files.toml", files));
    expect((JSON.parse(asJson.stdout) as { warnings: string[] }).warnings).toHaveLength(3);
  });

  test("plans and warns of targets in the file that come through relabelling as of those in the scrape", async () => {
    const asks = (type: string): string => `__meta_docker_container_label_profiles_grafana_com_${type}`;
    const text = `[discovery.relabel.all]
targets = [
  { __address__ = "none:1" },
  { __address__ = "port:1", ${asks("cpu_scrape")} = "true", ${asks("cpu_port")} = "abc" },
  { __address__ = "type:1", ${asks("memroy_scrape")} = "true" },
  { __address__ = "good:1", ${asks("goroutine_scrape")} = "true" },
]
rules_preset = "kubernetes-annotations"
[discovery.relabel.zone]
targets = ["discovery.relabel.all"]
rule = { target_label = "zone", replacement = "eu" }
[pyroscope.scrape.s]
targets = ["discovery.relabel.zone"]
forward_to = ["pyroscope.store.box"]
[pyroscope.store.box]
`;
    const { code, stdout } = await cli("check", file("relabelled.toml", text));
    expect(code).toBe(0);
    expect(stdout).toStartWith("Valid: 4 components, 1 URL to scrape\n");
    expect(stdout).toContain("  http://good:1/debug/pprof/goroutine\n    goroutine: every 15s");
    expect(stdout).toContain('zone="eu"');
    expect(stdout).not.toContain("and the targets that");
    expect(stdout.split("\n").filter((line) => line.startsWith("Warning"))).toEqual([
      'Warning: discovery.relabel.all: the rules drop 1 of 4 targets in this file; "agent check --explain" shows which one does',
      'Warning: pyroscope.scrape.s: Cannot scrape "port:1": the port "abc" that is asked for is no number; this target is skipped',
      'Warning: pyroscope.scrape.s: "__profile_types__" of "type:1": "memroy" is no profile type that is configured; did you mean "memory"?',
    ]);
  });

  const bad = `[pyroscope.scrape.local]
targets = [{ __address__ = "localhost:6060" }]
forward_to = ["pyroscope.stor.local"]
scrape_intervall = "15s"
`;

  test("shows every problem with its place, and ends with exit code 1", async () => {
    const path = file("bad.toml", bad);
    const { code, stdout, stderr } = await cli("check", "--config", path);
    expect([code, stdout]).toEqual([1, ""]);
    const problems = stderr.trim().split("\n");
    expect(problems).toHaveLength(2);
    expect(problems[0]).toStartWith(`${path}:3:15: pyroscope.scrape.local.forward_to[0]: `);
    expect(problems[1]).toStartWith(`${path}:4:1: pyroscope.scrape.local.scrape_intervall: `);
  });

  test("shows problems to machines as one JSON document", async () => {
    const { code, stdout, stderr } = await cli("check", "--json", file("bad.toml", bad));
    expect([code, stderr]).toEqual([1, ""]);
    expect(JSON.parse(stdout)).toMatchObject({
      valid: false,
      problems: [
        { line: 3, column: 15 },
        { line: 4, column: 1 },
      ],
    });
  });

  const wrongFlags: readonly (readonly [flags: readonly string[], message: string])[] = [
    [["--label", "a-b=c"], 'command line: pyroscope.scrape.default.targets[0].a-b: "a-b" cannot be a label name'],
    [["--server", "pyroscope"], "command line: pyroscope.write.default.endpoint[0].url: expected a URL"],
    // The shell has expanded what it should.
    [["--server", "${HOME}"], "command line: pyroscope.write.default.endpoint[0].url: expected a URL"],
  ];
  for (const [flags, message] of wrongFlags)
    test(`finds the mistake in ${flags.join(" ")}`, async () => {
      const { code, stderr } = await cli("check", "--target", "localhost:6060", ...flags);
      expect(code).toBe(1);
      expect(stderr).toStartWith(message);
    });

  test("says that rules drop everything, and does not fail by it", async () => {
    const rules = `[pyroscope.scrape.x]
targets = [{ __address__ = "127.0.0.1:7061", secret = "q" }]
forward_to = ["pyroscope.write.c"]
[pyroscope.write.c]
endpoint = { url = "http://127.0.0.1:7040" }
rule = [{ action = "labelkeep", regex = "secret|instance" }]
`;
    const { code, stdout, stderr } = await cli("check", file("drops.toml", rules));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(
      "Warning: rule[0] of pyroscope.write.c removes __name__: every profile is dropped; let it",
    );
    expect(stdout).toContain("Warning: pyroscope.write.c drops every profile that pyroscope.scrape.x is to scrape;");
  });

  test("shows the cluster that the agent would join, without credentials", async () => {
    const clustered = `[cluster]
node_name = "edge-7"
[cluster.etcd]
endpoints = ["http://etcd-0:2379"]
prefix = "/pprof-agent/plant-7"
basic_auth = { username = "u", password = "hunter2" }
`;
    const path = file("cluster.toml", clustered);
    const { stdout } = await cli("check", path);
    expect(stdout).toContain(`Cluster of etcd: this agent is "edge-7", ttl 10s, on_engine_loss = "keep"
  endpoints = ["http://etcd-0:2379"]
  prefix = "/pprof-agent/plant-7"
`);
    const asJson = JSON.parse((await cli("check", "--json", path)).stdout) as { cluster: unknown };
    expect(asJson.cluster).toEqual({
      engine: "etcd",
      node_name: "edge-7",
      ttl: "10s",
      on_engine_loss: "keep",
      endpoints: ["http://etcd-0:2379"],
      prefix: "/pprof-agent/plant-7",
    });
  });

  test("works as a process: the plan on standard output, a closed reader is no error", async () => {
    const path = file("pipe.toml", toml);
    const command = [...agentCommand, "check", path].map((word) => `'${word}'`).join(" ");
    const { exit, stdout, stderr } = await runChild(["sh", "-c", `${command} | head -n 1`]);
    expect({ exit, stdout, stderr }).toEqual({
      exit: 0,
      stdout: "Valid: 2 components, 2 URLs to scrape\n",
      stderr: "",
    });
  });

  test("says in one sentence that standard output takes nothing", async () => {
    const path = file("full.toml", toml);
    const command = [...agentCommand, "check", path].map((word) => `'${word}'`).join(" ");
    const { exit, stderr } = await runChild(["sh", "-c", `${command} > /dev/full`]);
    expect({ exit, lines: stderr.split("\n").length }).toEqual({ exit: 1, lines: 2 });
    expect(stderr).toMatch(/^agent: Cannot write to standard output: .*no space left on device/i);
  });

  test("keeps its exit code where standard error takes nothing", async () => {
    const command = [...agentCommand, "check", "--bad"].map((word) => `'${word}'`).join(" ");
    expect((await runChild(["sh", "-c", `${command} 2> /dev/full`])).exit).toBe(2);
  });
});
