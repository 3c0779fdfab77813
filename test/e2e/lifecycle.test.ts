import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually, runChild } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { startPushServer } from "../support/push-server.ts";
import { type Agent, agentCommand, startAgent, startAgentWith } from "./agent.ts";
import { goCommand } from "./go-target.ts";
import { parseMetrics } from "../support/parse-metrics.ts";
import { decodeProfile } from "./profile-sums.ts";
import { startRecordedTarget } from "./recorded-target.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const anyAge = { rules: { maxAgeMs: Number.POSITIVE_INFINITY } };

/** Three types of one target, every second. */
function scrape(port: number, receiver: string): string {
  return `
[pyroscope.scrape.test]
targets = [{ __address__ = "127.0.0.1:${port}", service_name = "shop" }]
forward_to = ["${receiver}"]
scrape_interval = "1s"
[pyroscope.scrape.test.profiling_config.profile]
memory.enabled = false
process_cpu.enabled = false
`;
}

interface ListedProfile {
  readonly id: string;
  readonly type: string;
  readonly url: string;
  readonly scraped_at: string;
  readonly labels: Readonly<Record<string, string>>;
}

async function listed(agent: Agent, query = ""): Promise<ListedProfile[]> {
  return ((await (await agent.get(`/api/v0/profiles${query}`)).json()) as { profiles: ListedProfile[] }).profiles;
}

/** What `go tool pprof -top` says about the profile at a path of the agent. */
async function pprofTop(agent: Agent, path: string): Promise<string> {
  const command = [goCommand ?? "go", "tool", "pprof", "-top", `${agent.url}${path}`];
  const { exit, stdout, stderr } = await runChild(command, { env: { PPROF_TMPDIR: agent.directory } });
  expect(`${exit} ${stderr}`).toStartWith("0 ");
  return stdout;
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}

describe("SIGTERM", () => {
  test.concurrent("delivers what was scraped before the agent ends", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    // The server holds everything back until the signal has been sent.
    const signal = Promise.withResolvers<undefined>();
    server.replyWith(() => signal.promise);
    await using agent = await startAgent(`${scrape(target.port, "pyroscope.write.test")}
[[pyroscope.write.test.endpoint]]
url = "${server.url}"
`);
    await eventually("several profiles wait", async () => {
      const endpoint = (await agent.endpoints("pyroscope.write.test")).values().next().value;
      return (endpoint?.queued_profiles ?? 0) + (endpoint?.spooled_profiles ?? 0) >= 4 || undefined;
    });
    const scraped = await agent.metric("pyroscope_forwarded_entries_total");
    const stopped = agent.stop();
    setTimeout(signal.resolve, 500);
    const { exit, tookMs } = await stopped;
    expect(exit).toBe(0);
    expect(tookMs).toBeLessThan(5000);
    expect(server.accepted.length).toBeGreaterThanOrEqual(scraped);
    expect(new Set(server.accepted.map(({ id }) => id)).size).toBe(server.accepted.length);
  });

  test.concurrent("ends the agent within 5 s where the server is gone", async () => {
    await using target = await startRecordedTarget();
    await using agent = await startAgent(`${scrape(target.port, "pyroscope.write.test")}
[[pyroscope.write.test.endpoint]]
url = "http://127.0.0.1:${await freePort()}"
`);
    await eventually("something was scraped", async () =>
      (await agent.metric("pyroscope_forwarded_entries_total")) >= 1 ? true : undefined,
    );
    const { exit, tookMs } = await agent.stop();
    expect(exit).toBe(0);
    expect(tookMs).toBeLessThan(6000);
    expect(agent.child.output()).toMatch(/kept on disk for when the component runs again/);
  });
});

describe("profiles kept on this box", () => {
  test.concurrent("are listed, fetched, merged, and open in go tool pprof", async () => {
    await using target = await startRecordedTarget();
    await using agent = await startAgent(`${scrape(target.port, "pyroscope.store.local")}
[pyroscope.store.local]
`);
    const profiles = await eventually("two goroutine profiles are kept", async () => {
      const found = await listed(agent, "?type=goroutine");
      return found.length >= 2 ? found : undefined;
    });
    expect(profiles[0]).toMatchObject({
      type: "goroutine",
      labels: { job: "pyroscope.scrape.test", instance: `127.0.0.1:${target.port}`, service_name: "shop" },
    });
    const one = await (await agent.get(profiles[0]?.url ?? "")).bytes();
    expect(decodeProfile(one).sample.length).toBeGreaterThan(100);
    const merged = await agent.get("/api/v0/profiles/merge?type=goroutine");
    expect(merged.status).toBe(200);
    expect(decodeProfile(await merged.bytes()).sample.length).toBeGreaterThan(100);
    if (goCommand !== undefined) {
      const stdout = await pprofTop(agent, profiles[0]?.url ?? "");
      expect(stdout).toContain("Type: goroutine");
      expect(stdout).toContain("runtime.gopark");
    }
  });

  test.concurrent.skipIf(goCommand === undefined)("of a range of time open in go tool pprof as one", async () => {
    await using target = await startRecordedTarget();
    await using agent = await startAgent(`${scrape(target.port, "pyroscope.store.local")}
[pyroscope.store.local]
`);
    // The newest first. The range leaves out what lies before and after it.
    const profiles = await eventually("four goroutine profiles are kept", async () => {
      const found = await listed(agent, "?type=goroutine");
      return found.length >= 4 ? found : undefined;
    });
    const [until = "", from = ""] = profiles.slice(-3, -1).map(({ scraped_at }) => scraped_at);
    const range = `type=goroutine&from=${encodeURIComponent(from)}&until=${encodeURIComponent(until)}`;
    const inRange = await listed(agent, `?${range}`);
    expect(inRange.map(({ id }) => id)).toEqual(profiles.slice(-3, -1).map(({ id }) => id));
    const goroutines = async ({ url }: ListedProfile): Promise<bigint> =>
      sum(decodeProfile(await (await agent.get(url)).bytes()).sample.flatMap(({ value }) => value));
    const total = sum(await Promise.all(inRange.map(goroutines)));
    const stdout = await pprofTop(agent, `/api/v0/profiles/merge?${range}`);
    expect(stdout).toContain("Type: goroutine");
    expect(stdout).toMatch(new RegExp(`of ${total} total`));
    expect(stdout).toContain("runtime.gopark");
  });
});

describe("several receivers", () => {
  test.concurrent("get every profile each, although one of them leads nowhere and overflows", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    // Every address of 127.0.0.0/8 is a target of its own; goroutine profiles, because each answer is a profile to send.
    await using agent = await startAgent(`
[pyroscope.scrape.test]
targets = [${[1, 2, 3, 4].map((host) => `{ __address__ = "127.0.0.${host}:${target.port}" }`).join(", ")}]
forward_to = ["pyroscope.write.dead", "pyroscope.write.good", "pyroscope.store.local"]
scrape_interval = "1s"
[pyroscope.scrape.test.profiling_config.profile]
block.enabled = false
memory.enabled = false
mutex.enabled = false
process_cpu.enabled = false

[pyroscope.store.local]

[[pyroscope.write.good.endpoint]]
url = "${server.url}"

[[pyroscope.write.dead.endpoint]]
name = "dead"
url = "http://127.0.0.1:${await freePort()}"
queue = { durability = "memory", max_memory = "24KiB" }
`);
    const lost = { component_id: "pyroscope.write.dead", reason: "queue_full" };
    await eventually("the queue of the dead endpoint overflows again and again", async () =>
      (await agent.metric("pyroscope_write_dropped_profiles_total", lost)) >= 8 ? true : undefined,
    );
    await target.close();
    await eventually("no scrape succeeds any more", async () =>
      (await agent.targets()).every(({ health }) => health === "down") ? true : undefined,
    );
    const scraped = await agent.metric("pyroscope_scrape_scrapes_total");
    await server.waitFor(() => server.accepted.length >= scraped);
    const kept = (await listed(agent, "?limit=1000")).map(({ id }) => id);
    expect(kept).toHaveLength(scraped);
    expect(server.accepted.map(({ id }) => id).sort()).toEqual(kept.sort());
    const dead = (await agent.endpoints("pyroscope.write.dead")).get("dead");
    expect(dead).toMatchObject({ state: "down", sent_profiles: 0 });
    expect((dead?.dropped_profiles ?? 0) + (dead?.queued_profiles ?? 0)).toBe(scraped);
  });
});

describe("what the agent shows", () => {
  const secret = "s3cr3t-k3y-of-the-tests";

  test.concurrent("is complete, parses, and never holds a secret", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    await using agent = await startAgent(
      `${scrape(target.port, "pyroscope.write.test")}
[[pyroscope.write.test.endpoint]]
url = "${server.url}"
headers = { "X-Api-Key" = "\${E2E_SECRET}", "X-Scope-OrgID" = "squad-1" }

[[pyroscope.write.test.endpoint]]
name = "down"
url = "http://127.0.0.1:${await freePort()}"
headers = { "X-Api-Key" = "${secret}" }
`,
      { env: { E2E_SECRET: secret } },
    );
    await server.waitFor(() => server.accepted.length >= 3);
    expect(server.accepted[0]?.headers).toMatchObject({ "x-api-key": secret, "x-scope-orgid": "squad-1" });

    expect((await agent.get("/-/ready")).status).toBe(200);
    expect((await agent.get("/-/healthy")).status).toBe(200);
    const metrics = await (await agent.get("/metrics")).text();
    expect(new Set(parseMetrics(metrics).map(({ name }) => name))).toContain("pyroscope_write_sent_profiles_total");
    const { components } = (await (await agent.get("/api/v0/components")).json()) as { components: { id: string }[] };
    expect(components.map(({ id }) => id).sort()).toEqual(["pyroscope.scrape.test", "pyroscope.write.test"]);
    const write = await (await agent.get("/api/v0/components/pyroscope.write.test")).text();
    expect(JSON.parse(write)).toMatchObject({ health: { state: "healthy" }, referenced_by: ["pyroscope.scrape.test"] });
    expect(write).toContain("squad-1");

    const shown = [metrics, write, agent.child.output()];
    for (const path of ["/", "/api/v0/targets", "/api/v0/components", "/api/v0/components/pyroscope.scrape.test"])
      shown.push(await (await agent.get(path)).text());
    const file = join(agent.directory, "agent.toml");
    for (const flags of [[], ["--json"]]) {
      const check = await runChild([...agentCommand, "check", "--config", file, ...flags], {
        env: { E2E_SECRET: secret },
      });
      expect(check.exit).toBe(0);
      shown.push(check.stdout, check.stderr);
    }
    for (const text of shown) expect(text).not.toContain(secret);
  });

  test.concurrent("of a configuration that cannot be loaded is every problem, and the exit code is 1", async () => {
    await using agent = await startAgent("[pyroscope.store.local]\n");
    const file = join(agent.directory, "bad.toml");
    writeFileSync(
      file,
      `[pyroscope.scrape.local]
targets = [{ __address__ = "localhost:6060", secret_label = "${secret}" }]
forward_to = ["pyroscope.write.absent"]
scrape_intervall = "15s"
`,
    );
    const { exit, stdout, stderr } = await runChild([...agentCommand, "--config", file]);
    expect(exit).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/bad\.toml:3:\d+.*pyroscope\.write\.absent/);
    expect(stderr).toMatch(/bad\.toml:4:\d+.*scrape_interval/);
  });
});

describe("without a file", () => {
  test.concurrent("--target and --server scrape and deliver with the labels given", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    const flags = ["--target", `http://127.0.0.1:${target.port}`, "--server", server.url];
    await using agent = await startAgentWith([...flags, "--label", "service_name=shop", "--label", "env=test"]);
    // At the default interval of 15 s the first profile comes within the first interval.
    await server.waitFor(() => server.accepted.length >= 1, { timeoutMs: 16_500 });
    expect(server.accepted[0]?.labels).toMatchObject({
      env: "test",
      instance: `127.0.0.1:${target.port}`,
      service_name: "shop",
    });
    expect((await agent.endpoints("pyroscope.write.default")).size).toBe(1);
  });
});
