import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { runCli } from "../../src/cli/index.ts";
import { cli } from "../support/cli.ts";

let directory: string;
let file: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "pprof-agent-explain-"));
  file = join(directory, "agent.toml");
  writeFileSync(file, config);
});

afterAll(() => rmSync(directory, { recursive: true }));

const config = `[discovery.relabel.shop]
targets = [
  { __address__ = "a:1", team = "shop", old = "x" },
  { __address__ = "b:1", team = "bank" },
]
rule = [
  { action = "keep", source_labels = "team", regex = "shop" },
  { action = "labeldrop", regex = "old" },
  { source_labels = "team", regex = "(s)[h]op", target_label = "team", replacement = "$1" },
]
[pyroscope.scrape.local]
targets = ["discovery.relabel.shop"]
forward_to = []
rule = { target_label = "zone", replacement = "eu" }
[pyroscope.scrape.local.profiling_config.profile]
memory.enabled = false
block.enabled = false
mutex.enabled = false
process_cpu.enabled = false
`;

const receivers = `[pyroscope.scrape.local]
targets = [{ __address__ = "a:1", env = "x" }]
forward_to = ["pyroscope.write.external", "pyroscope.write.drops", "pyroscope.write.plain"]
[pyroscope.scrape.local.profiling_config.profile]
memory.enabled = false
block.enabled = false
mutex.enabled = false
process_cpu.enabled = false
[pyroscope.write.plain]
endpoint = [{ url = "http://x:1" }]
[pyroscope.write.external]
endpoint = [{ url = "http://x:1" }]
external_labels = { region = "eu" }
[pyroscope.write.drops]
endpoint = [{ url = "http://x:1" }]
rule = [
  { scope = "sample", action = "labeldrop", regex = "user" },
  { action = "drop", source_labels = "env", regex = "x" },
]
`;

const shop = `{__address__="a:1", old="x", team="shop"}
  discovery.relabel.shop
    rule[0]: keep where team matches "shop"
      kept: team="shop" matches
    rule[1]: remove every label that matches "old"
      - old="x"
    rule[2]: set team to "$1" where team matches "(s)[h]op"
      ~ team="s", was "shop"
    exports {__address__="a:1", team="s"}
  pyroscope.scrape.local, from discovery.relabel.shop
    rule[0]: set zone to "eu"
      + zone="eu"
    scrapes http://a:1/debug/pprof/goroutine
      as {__name__="goroutine", instance="a:1", job="pyroscope.scrape.local", service_name="unspecified", team="s", zone="eu"}
`;

const bank = `{__address__="b:1", team="bank"}
  discovery.relabel.shop
    rule[0]: keep where team matches "shop"
      DROPPED: team="bank" does not match (the whole must)
`;

const warning = '\nWarning: pyroscope.scrape.local: "forward_to" is empty: the profiles go nowhere\n';

describe("agent check --explain", () => {
  test("follows every target of the file through rules, components and URLs", async () => {
    expect(await cli("check", "--config", file, "--explain")).toEqual({
      code: 0,
      stdout: `${shop}\n${bank}${warning}`,
      stderr: "",
    });
  });

  test("explains the targets that hold a text", async () => {
    const { stdout: out } = await cli("check", "--explain", file, "bank");
    expect(out).toBe(bank + warning);
    const none = await cli("check", "--explain", file, "nobody");
    expect(none.stdout).toStartWith('No target to explain: none of 2 targets in the file holds "nobody"\n');
  });

  test("explains a target that is given by hand, wherever targets come in", async () => {
    const { stdout: out } = await cli("check", "--config", file, "--explain", "--target", "__address__=c:1,team=none");
    expect(out).toBe(`{__address__="c:1", team="none"}
  discovery.relabel.shop
    rule[0]: keep where team matches "shop"
      DROPPED: team="none" does not match (the whole must)
${warning}`);
  });

  test("says why a target that no rule drops is not scraped", async () => {
    const { stdout: out } = await cli("check", "--config", file, "--explain", "--target", "team=shop");
    expect(out).toContain('    Cannot scrape a target without the label "__address__"\n    nothing is scraped\n');
  });

  test("goes on to what the receivers send", async () => {
    const path = join(directory, "receivers.toml");
    writeFileSync(path, receivers);
    const { stdout: out } = await cli("check", "--config", path, "--explain");
    expect(out.slice(out.indexOf("    scrapes"))).toBe(`    scrapes http://a:1/debug/pprof/goroutine
      as {__name__="goroutine", env="x", instance="a:1", job="pyroscope.scrape.local", service_name="unspecified"}
      pyroscope.write.external
        external_labels: set on every profile
          + region="eu"
        sends it as {__name__="goroutine", env="x", instance="a:1", job="pyroscope.scrape.local", region="eu", service_name="unspecified"}
      pyroscope.write.drops
        rule[1]: drop where env matches "x"
          DROPPED: env="x" matches
`);
    const { stdout: json } = await cli("check", "--config", path, "--explain", "--json");
    const { targets } = JSON.parse(json) as {
      targets: { components: { scrapes: { sent_as: unknown; receivers: unknown }[] }[] }[];
    };
    expect(targets[0]?.components[0]?.scrapes[0]?.sent_as).toMatchObject({
      "pyroscope.write.external": { region: "eu" },
      "pyroscope.write.drops": null,
    });
    expect(targets[0]?.components[0]?.scrapes[0]?.receivers).toMatchObject([
      { component: "pyroscope.write.plain", rules: [] },
      { component: "pyroscope.write.external", labels: { region: "eu" } },
      {
        component: "pyroscope.write.drops",
        rules: [{ name: "rule[1]", action: "drop", effect: "dropped" }],
        inside_rules: ["rule[0]"],
      },
    ]);
  });

  test("says what a receiver could not send, and which rules came before", async () => {
    const path = join(directory, "refused.toml");
    writeFileSync(
      path,
      receivers.replace('external_labels = { region = "eu" }', 'rule = { action = "labeldrop", regex = "__name__" }'),
    );
    const { stdout: out } = await cli("check", "--config", path, "--explain", "pyroscope.write.external");
    expect(out).toContain(`      pyroscope.write.external
        rule[0]: remove every label that matches "__name__"
          - __name__="goroutine"
        Cannot push a profile whose labels are invalid: "__name__", the profile type, is missing in `);
    expect(out).not.toContain("pyroscope.write.drops");
    const { stdout: json } = await cli("check", "--config", path, "--explain", "--json", "pyroscope.write.external");
    expect(JSON.parse(json)).toMatchObject({
      targets: [
        { components: [{ scrapes: [{ sent_as: { "pyroscope.write.external": { problem: expect.any(String) } } }] }] },
      ],
    });
  });

  test("names the rules that see what is inside a profile", async () => {
    const path = join(directory, "inside.toml");
    writeFileSync(path, receivers.replace('regex = "x"', 'regex = "other"'));
    const { stdout: out } = await cli("check", "--config", path, "--explain", "pyroscope.write.drops");
    expect(out).toContain(`      pyroscope.write.drops
        rule[1]: no change
        rule[0] (scope "sample"): on the labels inside the profile, which only the profile shows
        sends it as {__name__="goroutine", env="x", `);
  });

  test("says which rules of a receiver change nothing, and what is suspicious in the file", async () => {
    const path = join(directory, "idle.toml");
    const rules = `rule = [
  { source_labels = "__meta_team", target_label = "team" },
  { source_labels = "env", regex = "(x)", target_label = "stage", replacement = "$1x" },
]`;
    writeFileSync(path, receivers.replace('external_labels = { region = "eu" }', rules));
    const { stdout: out } = await cli("check", "--config", path, "--explain", "pyroscope.write.external");
    expect(out).toContain("      pyroscope.write.external\n        rule[0], rule[1]: no change\n\n");
    expect(out).toMatch(/^Warning: rule\[0\] of pyroscope\.write\.external looks at "__meta_team": no label/m);
    expect(out).toMatch(/^Warning: rule\[1\] of pyroscope\.write\.external: replacement "\$1x" becomes empty/m);
  });

  test("says why nothing is scraped of a target that no rule drops, and what the preset looked for", async () => {
    const path = join(directory, "types.toml");
    const asks = "__meta_kubernetes_pod_annotation_profiles_grafana_com";
    writeFileSync(
      path,
      `[pyroscope.scrape.s]
targets = [
  { __address__ = "a:1", ${asks}_memroy_scrape = "true" },
  { __address__ = "b:1", ${asks}_cpu_scrape = "yes", ${asks}_block_port_name = "p" },
  { __address__ = "c:1", ${asks}_cpu_scrape = "true", ${asks}_cpu_port_name = "p" },
  { __address__ = "d:1" },
]
rules_preset = "kubernetes-annotations"
forward_to = "pyroscope.store.box"
[pyroscope.store.box]
`,
    );
    const { stdout: out } = await cli("check", "--config", path, "--explain");
    const unknown = '"memroy" is no profile type that is configured; did you mean "memory"?';
    expect(out).toContain(`    ${unknown}\n    nothing is scraped\n`);
    expect(out.match(/DROPPED.*/g)).toEqual([
      'DROPPED: "block": scrape is not asked for; "process_cpu": scrape is "yes", not "true"',
      'DROPPED: "process_cpu": port_name is "p", this port is without a name',
      `DROPPED: no label ${asks}_TYPE_scrape="true", nor such a __meta_docker_container_label_…, __meta_dockerswarm_container_label_… or __meta_dockerswarm_service_label_…`,
    ]);
    const { stdout: json } = await cli("check", "--config", path, "--explain", "--json", "a:1");
    expect(JSON.parse(json)).toMatchObject({ targets: [{ outcome: "skipped", components: [{ problem: unknown }] }] });
  });

  test("shows 20 targets and counts the others", async () => {
    const path = join(directory, "many.toml");
    const targets = Array.from({ length: 30 }, (_, index) => `{ __address__ = "h${index}:1" }`);
    writeFileSync(path, `[pyroscope.scrape.a]\ntargets = [${targets.join(", ")}]\nforward_to = []\n`);
    const { stdout: out } = await cli("check", "--config", path, "--explain");
    expect(out.match(/^\{/gm)).toHaveLength(20);
    expect(out).toContain(
      "\n… and 10 more targets: choose some by a text that their labels hold, or see all with --json\n",
    );
  });

  test("prints one JSON document", async () => {
    const { stdout: out } = await cli("check", "--config", file, "--explain", "--json", "bank");
    expect(JSON.parse(out)).toEqual({
      found: [],
      targets: [
        {
          target: { __address__: "b:1", team: "bank" },
          outcome: "dropped",
          components: [
            {
              component: "discovery.relabel.shop",
              rules: [
                {
                  name: "rule[0]",
                  action: "keep",
                  description: 'keep where team matches "shop"',
                  input: "bank",
                  matched: false,
                  because: 'team="bank" does not match (the whole must)',
                  effect: "dropped",
                  before: { __address__: "b:1", team: "bank" },
                },
              ],
            },
          ],
        },
      ],
      warnings: ['pyroscope.scrape.local: "forward_to" is empty: the profiles go nowhere'],
    });
  });

  test("writes JSON target by target, and no more of it than is read", async () => {
    const written: string[] = [];
    const drained = async (): Promise<boolean> => written.length < 3;
    const io = { env: {}, out: (text: string) => void written.push(text), err: () => undefined, errIsTerminal: false };
    const argv = ["check", "--config", file, "--explain", "--json"];
    await runCli(argv, io);
    const { targets } = JSON.parse(written.join("")) as { targets: unknown[] };
    expect([written.length, targets.length]).toEqual([4, 2]);
    written.length = 0;
    expect(await runCli(argv, { ...io, drained })).toBe(0);
    expect(written).toHaveLength(3);
  });

  test("compares the targets in the file, and not those that are given by hand", async () => {
    const path = join(directory, "twice.toml");
    writeFileSync(
      path,
      config.replace(
        'targets = ["discovery.relabel.shop"]',
        'targets = ["discovery.relabel.shop", { __address__ = "lit:1" }, { __address__ = "lit:1" }]',
      ),
    );
    const outcomes = async (...args: string[]): Promise<unknown> => {
      const { stdout } = await cli("check", "--config", path, "--explain", "--json", ...args);
      return (JSON.parse(stdout) as { targets: { outcome: string }[] }).targets.map(({ outcome }) => outcome);
    };
    expect(await outcomes("lit:1")).toEqual(["unsent", "duplicate"]);
    expect(await outcomes("--target", "__address__=lit:1,team=shop", "pyroscope.scrape.local")).toEqual([
      "unsent",
      "unsent",
    ]);
  });

  test.each([
    [["--explain"], "Nothing to explain: give --config FILE"],
    [["--config", "a.toml", "--explain", "--timeout", "10"], 'Flag "--timeout" is a duration such as 30s: got "10"'],
    [["--config", "a.toml", "--timeout", "10s"], 'Flag "--timeout" is for --explain, which looks for targets'],
    [
      ["--config", "a.toml", "--explain", "--target", "h:1"],
      `Target "h:1" holds "h:1": write --target 'LABEL=VALUE,LABEL=VALUE', with no comma in a value, or '{LABEL="VALUE", LABEL="VALUE"}'`,
    ],
    [
      ["--config", "a.toml", "--explain", "--label", "a=b"],
      'Flag "--label" stands beside --explain, which explains a file',
    ],
    ...[
      ["a.toml", "b.toml"],
      ["--config", "a.toml", "b.toml"],
    ].map((args): [string[], string] => [
      args,
      'Unexpected argument "b.toml" of "agent check": one file is checked; with --explain, a text chooses targets',
    ]),
  ])("refuses %j", async (args, message) => {
    const { code, stderr: err } = await cli("check", ...args);
    expect([code, err.split("\n")[0]]).toEqual([2, `agent: ${message}`]);
  });

  test.each([
    [["b", "c"], 'One text is enough to choose targets: got "b" and "c"'],
    [
      ["pyroscope.scrape.local", "discovery.relabel.shop"],
      'One component is explained: got "pyroscope.scrape.local" and "discovery.relabel.shop"',
    ],
    [
      ["discovery.relabel.shopp"],
      'No component "discovery.relabel.shopp" in the file: did you mean "discovery.relabel.shop"?',
    ],
    [
      ["discovery.relabel.shopp", "bank"],
      'No component "discovery.relabel.shopp" in the file: did you mean "discovery.relabel.shop"?',
    ],
  ])("refuses %j of a file", async (texts, message) => {
    const { code, stderr: err } = await cli("check", "--config", file, "--explain", ...texts);
    expect([code, err.split("\n")[0]]).toEqual([2, `agent: ${message}`]);
  });
});
