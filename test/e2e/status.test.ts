import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, runChild } from "../support/child.ts";
import { connectError, startPushServer } from "../support/push-server.ts";
import { type Agent, agentCommand, startAgent } from "./agent.ts";
import { startRecordedTarget } from "./recorded-target.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

// A port of the system, so that no other test is given it meanwhile.
const nobody = "http://127.0.0.1:1";
const anyAge = { rules: { maxAgeMs: Number.POSITIVE_INFINITY } };

function config(options: { readonly targets: readonly number[]; readonly endpoint: string }): string {
  const targets = options.targets.map((port) => `{ __address__ = "127.0.0.1:${port}", service_name = "shop" }`);
  return `
[pyroscope.scrape.test]
targets = [${targets.join(", ")}]
forward_to = ["pyroscope.write.test"]
scrape_interval = "1s"
[pyroscope.scrape.test.profiling_config.profile]
process_cpu.enabled = false
[[pyroscope.write.test.endpoint]]
name = "central"
url = "${options.endpoint}"
`;
}

function status(...args: readonly string[]) {
  return runChild([...agentCommand, "status", ...args]);
}

/** Asks until the agent has scraped and pushed enough for the exit code and the text to be these. */
async function settled(agent: Agent, expected: { readonly exit: number; readonly text: RegExp }) {
  return eventually(`the status ends with ${expected.exit} and says ${expected.text}`, async () => {
    const result = await status("--url", agent.url);
    return result.exit === expected.exit && expected.text.test(result.stdout) ? result : undefined;
  });
}

describe("agent status", () => {
  test.concurrent("ends with 0 where everything is up", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    await using agent = await startAgent(config({ targets: [target.port], endpoint: server.url }));
    const { stdout, stderr } = await settled(agent, { exit: 0, text: /Targets: 1 of 1 up[^]*Endpoints: 1 of 1 up/ });
    expect(stdout).toMatch(/^pprof-agent \S+ \((bun|deno) \S+\) at http:\/\/127\.0\.0\.1:\d+: up for \d+ s\n/);
    expect(stdout).toContain("Targets: 1 of 1 up\n");
    expect(stdout).toContain(`  up    central ${server.url} (pyroscope.write.test)\n`);
    expect(stdout).toMatch(/\d+ sent, last \d+ s ago/);
    expect(stdout).not.toContain("What to do next");
    expect(stderr).toBe("");
  });

  test.concurrent("ends with 1 where a target is down, and says which, why and what to do", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    const gone = 1;
    await using agent = await startAgent(config({ targets: [target.port, gone], endpoint: server.url }));
    const { stdout } = await settled(agent, { exit: 1, text: /Targets: 1 of 2 up, 1 down[^]*all types/ });
    expect(stdout).toContain(
      `DOWN  127.0.0.1:${gone} (shop), all types: Cannot connect to "127.0.0.1:${gone}": connection refused; never succeeded`,
    );
    expect(stdout).toMatch(/What to do next:\n {2}127\.0\.0\.1:\d+ \(shop\), all types: check that the process runs/);
  });

  test.concurrent("ends with 1 where an endpoint is down, and shows what waits for it", async () => {
    await using target = await startRecordedTarget();
    await using agent = await startAgent(config({ targets: [target.port], endpoint: nobody }));
    const { stdout } = await settled(agent, {
      exit: 1,
      text: /Targets: 1 of 1 up[^]*DOWN {2}central[^]*(in memory|on disk) \(/,
    });
    expect(stdout).toContain("Targets: 1 of 1 up");
    expect(stdout).toContain("Endpoints: 0 of 1 up");
    expect(stdout).toContain("0 sent, none taken yet");
    expect(stdout).toContain("connection refused");
    expect(stdout).toMatch(/What to do next:\n {2}central http/);
  });

  test.concurrent("ends with 1 where profiles are dropped, and says why", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    server.replyWith(({ number }) => (number === 1 ? connectError("invalid_argument", "too many labels") : undefined));
    await using agent = await startAgent(config({ targets: [target.port], endpoint: server.url }));
    const { stdout } = await settled(agent, { exit: 1, text: /Endpoints: 1 of 1 up/ });
    expect(stdout).toContain("1 dropped (1 invalid)");
    expect(stdout).toContain("the server found these profiles invalid: the agent's log has its words");
  });

  test.concurrent("finds the agent by its configuration file, without the environment that the file needs", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    await using agent = await startAgent(config({ targets: [target.port], endpoint: server.url }));
    const file = join(agent.directory, "found.toml");
    const { port } = new URL(agent.url);
    writeFileSync(
      file,
      `server = { listen_address = "0.0.0.0:${port}", token = "\${NOT_SET}" }\nexternal_labels = "\${NOT_SET}"`,
    );
    const { exit, stdout } = await status("--config", file);
    expect([0, 1]).toContain(exit as number);
    expect(stdout).toContain(`at http://127.0.0.1:${port}: up for`);
  });

  test.concurrent("prints one JSON document of a stable shape", async () => {
    await using target = await startRecordedTarget();
    await using agent = await startAgent(config({ targets: [target.port], endpoint: nobody }));
    await settled(agent, { exit: 1, text: /Targets: 1 of 1 up[^]*DOWN {2}central/ });
    const { exit, stdout } = await status("--url", agent.url, "--json");
    expect(exit).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      reachable: true,
      ok: false,
      url: agent.url,
      problems: [
        { about: expect.stringContaining("central") as string, problem: expect.any(String), next: expect.any(String) },
      ],
      status: {
        ready: true,
        config: { generation: 1 },
        targets: { total: 1, up: 1, down: 0, failures: [], failures_not_listed: 0 },
        endpoints: [{ component: "pyroscope.write.test", name: "central", state: "down", dropped_profiles: 0 }],
        unhealthy: [],
      },
    });
  });

  test.concurrent("ends with 3 where no agent answers, and says how it tried and what to do", async () => {
    const { exit, stdout, stderr } = await status("--url", nobody);
    expect([exit, stdout]).toEqual([3, ""]);
    expect(stderr).toStartWith(
      `agent: No agent at ${nobody} (--url): Cannot connect to "127.0.0.1:1": connection refused`,
    );
    expect(stderr).toMatch(/\nNext: start the agent, or say where it listens/);

    const json = await status("--url", nobody, "--json");
    expect([json.exit, json.stderr]).toEqual([3, ""]);
    expect(JSON.parse(json.stdout)).toEqual({
      reachable: false,
      ok: false,
      url: nobody,
      error: expect.stringContaining("connection refused") as string,
      next: expect.any(String) as string,
    });
  });

  test.concurrent("ends with 3 where something else answers", async () => {
    const server = createServer((_, response) => response.end("<html>Welcome to nginx!</html>"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { exit, stderr } = await status("--url", `127.0.0.1:${(server.address() as { port: number }).port}`);
      expect(exit).toBe(3);
      expect(stderr).toContain("something else answers there, or an agent of another version, with status 200");
    } finally {
      server.close();
    }
  });
});
