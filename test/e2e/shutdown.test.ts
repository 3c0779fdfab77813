import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { startBlackHole } from "../support/black-hole.ts";
import { eventually } from "../support/child.ts";
import { type Agent, startAgent } from "./agent.ts";
import { startRecordedTarget } from "./recorded-target.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

function config({
  target,
  stalled,
  server,
}: Readonly<Record<"target" | "stalled" | "server", { port: number }>>): string {
  return `
[pyroscope.scrape.test]
targets = [{ __address__ = "127.0.0.1:${target.port}" }, { __address__ = "127.0.0.1:${stalled.port}" }]
forward_to = ["pyroscope.write.dead"]
scrape_interval = "1s"
[pyroscope.scrape.test.profiling_config.profile]
process_cpu.enabled = false
[[pyroscope.write.dead.endpoint]]
url = "http://127.0.0.1:${server.port}"
`;
}

/** An agent with something queued for a server that never answers, beside a target that never answers. */
async function stuckAgent(servers: AsyncDisposableStack): Promise<Agent> {
  const target = servers.use(await startRecordedTarget());
  const stalled = servers.use(await startBlackHole());
  const server = servers.use(await startBlackHole());
  const agent = servers.use(await startAgent(config({ target, stalled, server })));
  await eventually("profiles wait and a target stalls", async () => {
    const [endpoint] = (await agent.endpoints("pyroscope.write.dead")).values();
    return (endpoint?.queued_profiles ?? 0) >= 3 || undefined;
  });
  return agent;
}

describe("A shutdown", () => {
  test.concurrent("takes less than 5 s with a dead server, a stalled target, an open page and a profile in the making", async () => {
    await using servers = new AsyncDisposableStack();
    const agent = await stuckAgent(servers);
    // The connection is kept, as a browser keeps it.
    await (await agent.get("/")).text();
    const ownProfile = agent.get("/debug/pprof/profile?seconds=30").then(
      () => "answered",
      () => "cut",
    );
    const { exit, tookMs } = await agent.stop();
    console.log(`Shutdown with everything stuck: ${Math.round(tookMs)} ms`);
    expect(exit).toBe(0);
    expect(tookMs).toBeLessThan(5000);
    expect(agent.child.output()).not.toContain("Could not stop in time");
    expect(agent.child.output()).toEndWith('msg="Agent stopped"\n');
    expect(await ownProfile).toBe("cut");
  });

  test.concurrent("saves the baselines while what is queued is still being pushed", async () => {
    await using servers = new AsyncDisposableStack();
    const agent = await stuckAgent(servers);
    const file = join(agent.directory, "data", "baselines");
    const startMs = performance.now();
    let exited = false;
    const stopped = agent.stop().finally(() => (exited = true));
    await eventually("the baselines are saved", async () => existsSync(file) || undefined);
    const tookMs = performance.now() - startMs;
    console.log(`Baselines saved ${Math.round(tookMs)} ms after SIGTERM, with everything stuck`);
    expect(exited).toBe(false);
    expect(tookMs).toBeLessThan(2500);
    expect((await stopped).exit).toBe(0);
  });

  test.concurrent("ignores SIGHUP, refuses to reload, and ends at once on a second signal", async () => {
    await using servers = new AsyncDisposableStack();
    const agent = await stuckAgent(servers);
    process.kill(agent.child.pid, "SIGTERM");
    await agent.child.waitFor(/Stopping/);
    process.kill(agent.child.pid, "SIGHUP");
    expect((await fetch(`${agent.url}/-/reload`, { method: "POST" })).status).toBe(503);
    const { exit, tookMs } = await agent.child.stop("SIGTERM");
    expect(exit).toBe(143);
    expect(tookMs).toBeLessThan(1000);
    expect(agent.child.output()).toContain("A second signal ends the agent at once: what waits in memory");
    expect(agent.child.output()).not.toMatch(/reload/i);
  });
});
