import { describe, expect, test } from "bun:test";
import { commands } from "../../src/cli/commands.ts";
import packageJson from "../../package.json" with { type: "json" };
import { cli } from "../support/cli.ts";

describe("A command line that is wrong ends with exit code 2 and says what to write", () => {
  const table: readonly (readonly [argv: string, message: string])[] = [
    ["", 'Nothing to do: give --config FILE or --target URL, or try "agent demo"'],
    ["chek", 'Unknown command "chek": did you mean "check"?'],
    ["frobnicate", 'Unknown command "frobnicate"'],
    ["agent.toml", 'Unknown command "agent.toml": to run a file write "agent --config agent.toml"'],
    ["--confg agent.toml", 'Unknown flag "--confg": did you mean "--config"?'],
    ["run --frobnicate", 'Unknown flag "--frobnicate"'],
    ["--constructor", 'Unknown flag "--constructor"'],
    ["run a.toml --storage.path=x", 'Unknown flag "--storage.path": it stands in the file: path in [storage]'],
    ["run --server.http.listen-addr=:1", 'Unknown flag "--server.http.listen-addr": did you mean "--listen"?'],
    ["--config.file=a.toml", 'Unknown flag "--config.file": did you mean "--config"?'],
    [
      "run a.toml --cluster.join-addresses=a:1",
      'Unknown flag "--cluster.join-addresses": it stands in the file: the table [cluster], with etcd or Kubernetes',
    ],
    [
      "run --stability.level=experimental",
      'Unknown flag "--stability.level": it is Alloy\'s and sets nothing here; leave it out',
    ],
    ["--configuration a.toml", 'Unknown flag "--configuration"'],
    ["validate a.toml", 'Unknown command "validate": did you mean "check"?'],
    [
      "convert a.alloy",
      'Unknown command "convert": files are TOML or JSON; "agent help alloy" shows how one of Alloy\'s is written so',
    ],
    ["version", 'Unknown command "version": write "agent --version"'],
    ["check -c x", 'Unknown flag "-c"'],
    ["--config", 'Flag "--config" needs a value: --config FILE'],
    ["check --config --json", 'Flag "--config" needs a value: --config FILE'],
    ["--config=", 'Flag "--config" needs a value: --config FILE'],
    ["check --json=yes --config a.toml", 'Flag "--json" takes no value: got "yes"'],
    ["--config a.toml --config b.toml", 'Flag "--config" was given twice'],
    ["run --log-level info", "No configuration: give --config FILE or --target URL"],
    [
      "check a.toml b.toml",
      'Unexpected argument "b.toml" of "agent check": one file is checked; with --explain, a text chooses targets',
    ],
    [
      "check a.toml --config b.toml",
      'Unexpected argument "a.toml" of "agent check": one file is checked; with --explain, a text chooses targets',
    ],
    ["demo now", 'Unexpected argument "now" of "agent demo"'],
    ["help nothing", 'Unknown command "nothing"'],
    ["--config a.toml --target b:1", 'Flag "--target" stands beside the file "a.toml": put it into the file'],
    ["--server http://a:4040", "Nothing to scrape: give --target URL"],
    ["--target b:1 --label service_name", 'Label "service_name" has no name and value: write --label KEY=VALUE'],
    ["--target ftp://b", 'Target "ftp://b" has the scheme "ftp": use http or https'],
    ["--target ftp://u:hunter2@b", 'Target "ftp://…@b" has the scheme "ftp": use http or https'],
    ["--target u:hunter2@b:99999", 'Target "…@b:99999" is no address: write host:port or http://host:port'],
    ["--target 6060", 'Target "6060" is no address: did you mean "localhost:6060"?'],
    ["--target :6060", 'Target ":6060" is no address: did you mean "localhost:6060"?'],
    ["--target http:/a:1", 'Target "http:/a:1" is no address: did you mean "http://a:1"?'],
    ["--target http://https://a:1", 'Target "http://https://a:1" is no address: did you mean "http://a:1"?'],
    ["--target ::1", 'Target "::1" is no address: did you mean "[::1]:6060"?'],
    [
      "--target b:1 --label __address__=c:1",
      'Label "__address__" is internal: what steers a scrape needs a configuration file',
    ],
    ["--target b:1 --label a=1 --label a=2", 'Label "a" was given twice'],
    ["--target http://", 'Target "http://" is no address: write host:port or http://host:port'],
    ["--target http://a:1/?x=1", 'Target "http://a:1/?…" has a query: parameters need a configuration file'],
    [
      "--target a:1/debug/pprof/heap",
      'Target "a:1/debug/pprof/heap" names one profile: name the process, "http://a:1"; choosing profiles needs a configuration file',
    ],
    ["--target unix:/a.sock", 'Target "unix:/a.sock" is no address: did you mean "unix:///a.sock"?'],
    ["--target unix://run/a.sock", 'Target "unix://run/a.sock" is no address: did you mean "unix:///run/a.sock"?'],
    ["--target /run/a.sock", 'Target "/run/a.sock" is no address: did you mean "unix:///run/a.sock"?'],
    [
      "--target ./a.sock",
      'Target "./a.sock" is no address: a unix socket is written as "unix:///run/app.sock", with its absolute path',
    ],
    [
      "--target unix://a.sock",
      'Target "unix://a.sock" is no address: a unix socket needs its absolute path, as in "unix:///run/app.sock"; found "unix://a.sock"',
    ],
    [
      "--target unix:///a.sock:/p?x=1",
      'Target "unix:///a.sock:/p?…" has a query: parameters need a configuration file',
    ],
    [
      "--target unix:///a.sock:/p/debug/pprof/heap",
      'Target "unix:///a.sock:/p/debug/pprof/heap" names one profile: name the process, "unix:///a.sock:/p"; choosing profiles needs a configuration file',
    ],
    [
      "--target http://user:hunter2@a:1",
      "A target holds a user name or password: authentication needs a configuration file",
    ],
    [
      "--target b:1 --log-level wran",
      'Flag "--log-level" is one of debug, info, warn, error: got "wran", did you mean "warn"?',
    ],
    ["--target b:1 --log-format xml", 'Flag "--log-format" is one of text, logfmt, json: got "xml"'],
  ];
  for (const [argv, message] of table)
    test(`agent ${argv}`, async () => {
      const result = await cli(...argv.split(" ").filter((word) => word !== ""));
      expect(result).toEqual({ code: 2, stdout: "", stderr: `agent: ${message}\nSee "agent --help"\n` });
    });
});

describe("agent --help", () => {
  test("lists every command, every flag of the default one and the exit codes", async () => {
    const { code, stdout, stderr } = await cli("--help");
    expect([code, stderr]).toEqual([0, ""]);
    for (const { name, summary } of commands) expect(stdout).toContain(`  ${name.padEnd(6)}  ${summary}\n`);
    for (const flag of Object.keys(commands[0].flags)) expect(stdout).toContain(`  --${flag} `);
    expect(stdout).toMatch(/Exit codes:\n {2}0 .*\n {2}1 .*\n {2}2 .*\n {2}3 .*\n {2}130, 143 /);
  });

  test("fits a terminal of 120 columns", async () => {
    for (const argv of [["--help"], ["help", "alloy"], ...commands.map(({ name }) => ["help", name])])
      for (const line of (await cli(...argv)).stdout.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
  });

  test("shows how a file of Alloy is written", async () => {
    const { code, stdout } = await cli("help", "alloy");
    expect(code).toBe(0);
    expect(stdout).toContain('  targets = discovery.http.a.targets              targets = ["discovery.http.a"]\n');
  });

  test("is the same as -h and help, and that of a command the same as help COMMAND", async () => {
    const overview = await cli("--help");
    expect(await cli("-h")).toEqual(overview);
    expect(await cli("help")).toEqual(overview);
    expect(await cli("check", "--help")).toEqual(await cli("help", "check"));
    expect((await cli("help", "check")).stdout).toContain("agent check --config FILE [--json]");
  });
});

test("agent --version prints the version of package.json", async () => {
  const version = { code: 0, stdout: `agent ${packageJson.version}\n`, stderr: "" };
  expect(await cli("--version")).toEqual(version);
  expect(await cli("-V")).toEqual(version);
});
