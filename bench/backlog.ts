// How long an agent takes to catch up after an outage of 50 minutes, the longest that the default bounds hold: `bun bench/backlog.ts
// [--targets 10,50] [--scrapes 200]`. The backlog of 50 minutes at 15 s is scraped at one a second, with the server gone; then a reload
// sets the interval back to 15 s, and the server returns with the rate limit that Pyroscope has by default.
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { AgentUnderFaults } from "../test/faults/agent-process.ts";
import { FaultServer, rateLimit } from "../test/faults/fault-server.ts";
import { drawUp } from "../test/faults/ledger.ts";
import { startChild } from "../test/support/child.ts";
import { lagBuckets, p99Ms } from "./event-loop-lag.ts";
import { watchMemory } from "./process-stats.ts";

const { values } = parseArgs({
  options: { targets: { type: "string", default: "10,50" }, scrapes: { type: "string", default: "200" } },
});
// PY:pkg/validation/limits.go, of a tenant: bytes of uncompressed profiles.
const tenant = { bytesPerSecond: 4 * 1024 ** 2, burstBytes: 2 * 1024 ** 2 };
const longestMs = 60 * 60_000;
const mebibyte = 1024 ** 2;

function configuration(options: { targets: number; port: string; url: string; interval: string }): string {
  const list = Array.from(
    { length: options.targets },
    (_, at) => `  { __address__ = "127.2.0.${at + 1}:${options.port}", service_name = "target-${at + 1}" },`,
  );
  return `
[pyroscope.scrape.backlog]
forward_to = ["pyroscope.write.backlog"]
scrape_interval = "${options.interval}"
targets = [
${list.join("\n")}
]
[pyroscope.scrape.backlog.profiling_config.profile]
process_cpu.enabled = false
block.enabled = true
mutex.enabled = true

[[pyroscope.write.backlog.endpoint]]
url = "${options.url}"
`;
}

async function measure(targets: number): Promise<Record<string, unknown>> {
  const program = startChild([process.execPath, join(import.meta.dirname, "..", "test", "faults", "targets.ts")]);
  const [, port = ""] = await program.waitFor(/listening on (\d+)/);
  const server = await FaultServer.start();
  const agent = new AgentUnderFaults();
  try {
    await server.fail("refuse");
    agent.configure(configuration({ targets, port, url: server.url, interval: "1s" }));
    await agent.start();
    const filling = watchMemory(agent.pid);
    await wait(Number(values.scrapes) * 1000);
    const spooled = await agent.metric("pyroscope_write_spool_records");
    const spooledBytes = await agent.metric("pyroscope_write_spool_bytes");
    const rssFilling = filling.stop().max.rss;
    agent.configure(configuration({ targets, port, url: server.url, interval: "15s" }));
    agent.signal("SIGHUP");
    const draining = watchMemory(agent.pid);
    const lagBefore = await lagBuckets(`${agent.url}/metrics`);
    const startMs = performance.now();
    await server.fail(rateLimit(tenant.bytesPerSecond, tenant.burstBytes));
    await untilEmpty(agent);
    const caughtUpSeconds = Math.round((performance.now() - startMs) / 1000);
    const rssDraining = draining.stop().max.rss;
    const lag = p99Ms(lagBefore, await lagBuckets(`${agent.url}/metrics`));
    await agent.stop();
    const { accepted, once, twice, lost, dropped } = drawUp(agent, server);
    return {
      targets,
      backlog: spooled,
      backlog_mb: Math.round(spooledBytes / mebibyte),
      catch_up_s: caughtUpSeconds,
      rss_filling_mb: Math.round(rssFilling / mebibyte),
      rss_draining_mb: Math.round(rssDraining / mebibyte),
      replies: Object.fromEntries(server.replies),
      lag_p99_ms: lag,
      accepted,
      once,
      twice,
      lost,
      dropped,
    };
  } finally {
    agent.dispose();
    await Promise.all([program.stop("SIGKILL"), server.close()]);
  }
}

/** Until the backlog is gone but for what has just come in. */
async function untilEmpty(agent: AgentUnderFaults): Promise<void> {
  const deadlineMs = performance.now() + longestMs;
  while (performance.now() < deadlineMs && (await agent.metric("pyroscope_write_spool_records")) > 0) await wait(1000);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

for (const count of values.targets.split(",")) console.log(JSON.stringify(await measure(Number(count))));
