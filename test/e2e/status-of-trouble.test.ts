import { expect, setDefaultTimeout, test } from "bun:test";
import { EtcdServer, etcdProgram } from "../cluster/etcd-server.ts";
import { eventually, runChild } from "../support/child.ts";
import { connectError, startPushServer } from "../support/push-server.ts";
import { type Agent, agentCommand, startAgain, startAgent, writeConfig } from "./agent.ts";
import { startRecordedTarget } from "./recorded-target.ts";

// Real programs on a real clock.
setDefaultTimeout(60_000);

// A port of the system, so that no other test is given it meanwhile.
const gone = "127.0.0.1:1";

const anyAge = { rules: { maxAgeMs: Number.POSITIVE_INFINITY } };

interface Trouble {
  readonly targetPort: number;
  /** Of the component `pyroscope.write.WRITE`. */
  readonly write: string;
  readonly endpoints: Readonly<Record<string, string>>;
  readonly more?: string;
}

function configOf({ targetPort, write, endpoints, more = "" }: Trouble): string {
  const tables = Object.entries(endpoints).map(
    ([name, url]) => `[[pyroscope.write.${write}.endpoint]]
name = "${name}"
url = "${url}"
queue = { durability = "always" }
`,
  );
  return `
[pyroscope.scrape.test]
targets = [
  { __address__ = "127.0.0.1:${targetPort}", service_name = "shop" },
  { __address__ = "${gone}", service_name = "billing" },
]
forward_to = ["pyroscope.write.${write}"]
scrape_interval = "1s"
[pyroscope.scrape.test.profiling_config.profile]
process_cpu.enabled = false
${more}
${tables.join("")}`;
}

/** Asks until the text holds all of these. */
async function untilStatus(agent: Agent, ...expected: readonly RegExp[]) {
  let last = "";
  try {
    return await eventually("x", async () => {
      const result = await runChild([...agentCommand, "status", "--url", agent.url]);
      last = `${result.stdout}${result.stderr}`;
      return expected.every((pattern) => pattern.test(result.stdout)) ? result : undefined;
    });
  } catch {
    throw new Error(`The status never held ${expected.filter((pattern) => !pattern.test(last)).join(", ")}:\n${last}`);
  }
}

async function jsonOf(agent: Agent) {
  const { stdout } = await runChild([...agentCommand, "status", "--url", agent.url, "--json"]);
  return JSON.parse(stdout) as {
    readonly problems: readonly { about: string; next: string }[];
    readonly status: object;
  };
}

test("agent status tells one trouble from the other, and what to do about each", async () => {
  await using target = await startRecordedTarget();
  await using guarded = await startPushServer(anyAge);
  guarded.replyWith(() => connectError("unauthenticated", "no org id"));
  const base = { targetPort: target.port };
  await using before = await startAgent(configOf({ ...base, write: "old", endpoints: { lost: `http://${gone}` } }));
  await untilStatus(before, /DOWN {2}lost[^]*\d+ on disk/);
  expect((await before.stop()).exit).toBe(0);
  const endpoints = { dead: `http://${gone}`, guarded: guarded.url };
  writeConfig(before, configOf({ ...base, write: "new", endpoints }));
  await using agent = await startAgain(before);

  const { exit, stdout, stderr } = await untilStatus(
    agent,
    /1 of 2 up, 1 down[^]*all types: [^]*never succeeded/,
    /DOWN {2}dead[^]*on disk/,
    /DOWN {2}guarded[^]*on disk/,
    /pyroscope\.write\.old: /,
  );
  expect([exit, stderr]).toEqual([1, ""]);
  expect(stdout).toContain(
    `  DOWN  ${gone} (billing), all types: Cannot connect to "${gone}": connection refused; never succeeded\n`,
  );
  expect(stdout).toContain("\nEndpoints: 0 of 2 up\n");
  expect(stdout).toMatch(
    /\n {2}DOWN {2}dead http:\/\/127\.0\.0\.1:1 \(pyroscope\.write\.new\)\n.* on disk \(.*\), oldest [^]*connection refused/,
  );
  expect(stdout).toMatch(/\n {2}DOWN {2}guarded [^]* the server answered 401 unauthenticated[^\n]*no org id/);
  expect(stdout).toMatch(
    /\nComponents that are not in the configuration any more; [^\n]*\n {2}pyroscope\.write\.old: \d+ on disk \(.*\), oldest \d+ \w+, kept for another \d+ min\n/,
  );
  const advice = stdout.slice(stdout.indexOf("What to do next:"));
  expect(advice).toMatch(/ {2}dead [^;\n]*\): check that the process runs and listens there\n/);
  expect(advice).toMatch(
    /\n {2}127\.0\.0\.1:1 \(billing\), all types: check that the process runs and listens there\n/,
  );
  expect(advice).toMatch(/ {2}guarded .*: check the endpoint's authentication and its X-Scope-OrgID header\n/);

  const { problems, status } = await jsonOf(agent);
  expect(problems.map(({ about }) => about.split(" ")[0])).toEqual(["dead", "guarded", gone]);
  expect(status).toMatchObject({
    left_components: [{ component: "pyroscope.write.old", kept_until: expect.any(String) as string }],
    newer_on_disk: [],
  });

  // What was wrong is put right, but for the target.
  guarded.replyWith(undefined);
  writeConfig(agent, configOf({ ...base, write: "old", endpoints: { lost: guarded.url } }));
  expect((await fetch(`${agent.url}/-/reload`, { method: "POST" })).status).toBe(200);
  const { stdout: healed } = await untilStatus(agent, /Endpoints: 1 of 1 up/);
  expect(healed).not.toContain("Components that are not in the configuration");
});

test.skipIf(etcdProgram === undefined)(
  "agent status of an agent whose etcd is killed says so, what it does meanwhile and what to do, and is well when etcd is back",
  async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    await using etcd = await EtcdServer.start();
    const more = `[cluster]
node_name = "first"
ttl = "2s"
[cluster.etcd]
endpoints = ["${etcd.url}"]
`;
    const config = configOf({ targetPort: target.port, write: "test", endpoints: { central: server.url }, more })
      .replace(/.*billing.*\n/, "")
      .replace("scrape_interval", "clustering = { enabled = true }\nscrape_interval");
    await using agent = await startAgent(config);
    const well = await untilStatus(
      agent,
      /Cluster: "first" is a member, etcd is up, 1 member: first/,
      /1 of 1 up[^]*1 of 1 up/,
    );
    expect([well.exit, well.stderr]).toEqual([0, ""]);
    expect(well.stdout).toContain("  pyroscope.scrape.test: 1 of 1 targets are its own\n");

    await etcd.stop("SIGKILL");
    const { exit, stdout } = await untilStatus(
      agent,
      /Cluster: "first" is in state kept, etcd is DOWN, 1 member when it answered last, \d+ s ago: first/,
    );
    expect(exit).toBe(1);
    expect(stdout).toContain(`Cannot connect to "${new URL(etcd.url).host}": connection refused`);
    // It goes on with what it had.
    expect(stdout).toMatch(/Targets: 1 of 1 up[^]*Endpoints: 1 of 1 up/);
    expect(stdout).toMatch(
      /\nWhat to do next:\n {2}cluster: see that etcd runs and is reached at what \[cluster\.etcd\] says\n/,
    );

    await etcd.start();
    const { exit: again } = await untilStatus(agent, /Cluster: "first" is a member, etcd is up/);
    expect(again).toBe(0);
  },
);
