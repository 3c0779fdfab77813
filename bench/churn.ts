/**
 * An agent whose targets come and go: one HTTP source names `--targets` of them, of which a tenth is replaced by others every minute. Prints
 * for each minute what the agent used and whether it scrapes what it should. Linux only (`/proc`).
 *
 *     node_modules/.bin/bun bench/churn.ts --minutes 10
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { ProfileSchema } from "../src/gen/google/v1/profile_pb.ts";
import { decodeBody } from "../src/pprof/index.ts";
import { type Child, eventually, startChild } from "../test/support/child.ts";
import { freePort } from "../test/support/free-port.ts";
import { parseMetrics, sumOf } from "../test/support/parse-metrics.ts";
import { lagBucketsOf, p99Ms } from "./event-loop-lag.ts";
import { cpuMs, processMemory } from "./process-stats.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    targets: { type: "string", default: "2000" },
    /** In percent, every minute. */
    replaced: { type: "string", default: "10" },
    interval: { type: "string", default: "60s" },
    /** Those with a delta leave baselines behind, which are kept for a while. */
    types: { type: "string", default: "memory,block,goroutine,mutex,process_cpu" },
    binary: { type: "string" },
  },
});
const [minutes, wanted, replaced] = [values.minutes, values.targets, values.replaced].map(Number) as [
  number,
  number,
  number,
];
const perMinute = Math.round((wanted * replaced) / 100);
const root = join(import.meta.dirname, "..");
const directory = mkdtempSync(join(tmpdir(), "pprof-agent-churn-"));
const children: Child[] = [];

/** The addresses that are named now: a window that moves over all there are. */
let first = 0;
let port = 0;
const addresses = (): string[] =>
  Array.from({ length: wanted }, (_, index) => first + index).map(
    (index) => `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}:${port}`,
  );

async function start(file: string, ...args: string[]): Promise<number> {
  const child = startChild([process.execPath, join(import.meta.dirname, file), ...args]);
  children.push(child);
  const [, found] = await child.waitFor(/^listening on (\d+)$/m);
  return Number(found);
}

/** The tables that leave only the types that are wanted. */
function profilingConfig(): string {
  const types = values.types.split(",");
  const all = ["memory", "block", "goroutine", "mutex", "process_cpu"];
  const lines = all.map((type) => `profile.${type} = { enabled = ${types.includes(type)} }`);
  return ["[pyroscope.scrape.churn.profiling_config]", ...lines].join("\n");
}

function startAgent(listen: string, urls: { readonly sd: string; readonly push: string }): Child {
  const file = join(directory, "agent.toml");
  writeFileSync(
    file,
    `[server]
listen_address = "${listen}"
[storage]
path = "data"
[discovery.http.churn]
url = "${urls.sd}"
refresh_interval = "10s"
[pyroscope.scrape.churn]
scrape_interval = "${values.interval}"
${values.types.includes("process_cpu") ? 'delta_profiling_duration = "10s"' : ""}
targets = ["discovery.http.churn"]
forward_to = ["pyroscope.write.churn"]
${profilingConfig()}
[[pyroscope.write.churn.endpoint]]
url = "${urls.push}"
`,
  );
  const program = values.binary ? [values.binary] : [process.execPath, join(root, "src", "main.ts")];
  const agent = startChild([...program, "run", "--config", file], { cwd: directory });
  children.push(agent);
  return agent;
}

interface Sample {
  readonly cpuMs: number;
  readonly lag: ReturnType<typeof lagBucketsOf>;
  readonly scrapes: number;
  readonly failures: number;
  readonly discovered: number;
  readonly baselineBytes: number;
}

async function sample(agent: Child, url: string): Promise<Sample> {
  const metrics = parseMetrics(await (await fetch(`${url}/metrics`)).text());
  const sum = (name: string): number => sumOf(metrics, { name, labels: {} });
  return {
    cpuMs: cpuMs(agent.pid),
    lag: lagBucketsOf(metrics),
    scrapes: sum("pyroscope_scrape_scrapes_total"),
    failures: sum("pyroscope_scrape_failures_total"),
    discovered: sum("discovery_targets"),
    baselineBytes: sum("pyroscope_scrape_delta_state_bytes"),
  };
}

/** How many objects the agent's heap has, those included that are garbage and not collected yet. */
async function heapObjects(url: string): Promise<number> {
  const body = new Uint8Array(await (await fetch(`${url}/debug/pprof/heap`)).arrayBuffer());
  const { sample: stacks } = fromBinary(ProfileSchema, decodeBody(body, 1e8).raw);
  return stacks.reduce((sum, { value: [count = 0n] }) => sum + Number(count), 0);
}

/** Waits for a minute; the fewest objects that the heap had in it are those that live. */
async function fewestObjectsInMinute(url: string): Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 20; look++) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    fewest = Math.min(fewest, await heapObjects(url));
  }
  return fewest;
}

function row(cells: readonly (string | number)[]): void {
  console.log(cells.map((cell) => String(cell).padStart(9)).join(" "));
}

async function main(): Promise<void> {
  port = await start("replay-targets.ts", join(root, "test", "fixtures", "recordings"));
  const push = await start("counting-server.ts");
  const sd = http.createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify([{ targets: addresses(), labels: { service_name: "bench", env: "churn" } }]));
  });
  await new Promise<void>((resolve) => sd.listen(0, "127.0.0.1", resolve));
  try {
    const listen = `127.0.0.1:${await freePort()}`;
    const sdUrl = `http://127.0.0.1:${(sd.address() as AddressInfo).port}/targets`;
    const agent = startAgent(listen, { sd: sdUrl, push: `http://127.0.0.1:${push}` });
    const url = `http://${listen}`;
    await eventually(
      "the agent is ready",
      async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok || undefined,
    );
    await eventually(
      "the targets are found",
      async () => (await sample(agent, url)).discovered === wanted || undefined,
    );
    row([
      "minute",
      "targets",
      "scrapes",
      "failed",
      "CPU %",
      "RSS MB",
      "anon MB",
      "state MB",
      "objects k",
      "fds",
      "lag p99",
    ]);
    let before = await sample(agent, url);
    for (let minute = 1; minute <= minutes; minute++) {
      const beganMs = performance.now();
      const objects = await fewestObjectsInMinute(url);
      const tookMs = performance.now() - beganMs;
      const now = await sample(agent, url);
      const { rss, anonymous } = processMemory(agent.pid);
      row([
        minute,
        now.discovered,
        now.scrapes - before.scrapes,
        now.failures - before.failures,
        ((100 * (now.cpuMs - before.cpuMs)) / tookMs).toFixed(1),
        Math.round(rss / 1e6),
        Math.round(anonymous / 1e6),
        Math.round(now.baselineBytes / 1e6),
        Math.round(objects / 1000),
        readdirSync(`/proc/${agent.pid}/fd`).length,
        `${Math.round(p99Ms(before.lag, now.lag) ?? 0)} ms`,
      ]);
      before = now;
      first += perMinute;
    }
    const { tookMs } = await agent.stop();
    console.log(`stopped within ${Math.round(tookMs)} ms`);
  } finally {
    sd.close();
    sd.closeAllConnections();
  }
}

try {
  await main();
} finally {
  await Promise.all(children.map((child) => child.stop("SIGKILL")));
  rmSync(directory, { recursive: true, force: true });
}
