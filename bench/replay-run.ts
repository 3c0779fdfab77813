import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { type Child, startChild } from "../test/support/child.ts";
import { freePort } from "../test/support/free-port.ts";
import { lagBuckets, p99Ms } from "./event-loop-lag.ts";
import { cpuMs, type ProcessMemory, watchMemory } from "./process-stats.ts";
import type { ReplayOptions } from "./replay-options.ts";
import { agentSubject, alloySubject } from "./replay-subject.ts";

/** What one run measured. Times in milliseconds, sizes in bytes; a time is absent where it did not come about. */
export interface ReplayResult {
  readonly subject: string;
  readonly targets: number;
  /** Absent where nothing was scraped. */
  readonly cpuPerScrapeMs?: number;
  readonly scrapesDone: number;
  readonly scrapesDue: number;
  readonly pushedProfiles: number;
  readonly memoryMax: ProcessMemory;
  readonly memoryEnd: ProcessMemory;
  /** From the start of the process. */
  readonly readyMs: number;
  readonly firstSentMs?: number;
  /** Until every target had sent a profile. */
  readonly allSentMs?: number;
  /** Of the event loop while it was measured, from /metrics; absent where the subject has none. */
  readonly lagP99Ms?: number;
  /** From SIGTERM to the end of the process. */
  readonly stopMs: number;
  /** What must be zero in a good run, over the whole run. */
  readonly faults: {
    readonly aborted: number;
    readonly cpuBusy: number;
    readonly notFound: number;
    readonly undecodable: number;
  };
}

interface TargetStats {
  readonly finished: number;
  readonly aborted: number;
  readonly cpuBusy: number;
  readonly notFound: number;
}

interface PushStats {
  readonly profiles: number;
  readonly undecodable: number;
  readonly instances: number;
  readonly firstProfileMs: number;
  readonly lastNewInstanceMs: number;
}

/** Profile types on by default: memory, block, goroutine, mutex, process_cpu. */
const typesPerTarget = 5;

/** One agent, its targets and its server, from start to stop. Nothing runs on afterwards. */
export async function replay(targets: number, options: ReplayOptions): Promise<ReplayResult> {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-bench-"));
  const children: Child[] = [];
  try {
    const source = await startHelper<TargetStats>(children, "replay-targets.ts", options.recordings);
    const sink = await startHelper<PushStats>(children, "counting-server.ts");
    const listenAddress = `127.0.0.1:${await freePort()}`;
    const subjectOptions = {
      directory,
      listenAddress,
      targets: Array.from({ length: targets }, (_, i) => `127.1.${i >> 8}.${i & 255}:${source.port}`),
      pushUrl: `http://127.0.0.1:${sink.port}`,
      intervalMs: options.intervalMs,
    };
    const subject =
      options.alloy === undefined
        ? agentSubject(options.binary, subjectOptions)
        : alloySubject(options.alloy, subjectOptions);
    const startedMs = Date.now();
    const agent = startChild(subject.command, { cwd: directory });
    children.push(agent);
    const url = `http://${listenAddress}`;
    const readyMs = await untilReady(agent, `${url}/-/ready`, startedMs);
    await sleep(startedMs + options.warmupMs - Date.now());
    const measured = await measure({ agent, url, source, sink }, options.durationMs);
    const { tookMs: stopMs } = await agent.stop();
    const { firstProfileMs, lastNewInstanceMs, instances } = await sink.stats();
    return {
      subject: subject.name,
      targets,
      scrapesDue: (targets * typesPerTarget * options.durationMs) / options.intervalMs,
      readyMs,
      stopMs,
      ...(firstProfileMs > 0 && { firstSentMs: firstProfileMs - startedMs }),
      ...(instances > 0 && instances === targets && { allSentMs: lastNewInstanceMs - startedMs }),
      ...measured,
    };
  } finally {
    await Promise.all(children.map((child) => child.stop("SIGKILL")));
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Running {
  readonly agent: Child;
  readonly url: string;
  readonly source: Helper<TargetStats>;
  readonly sink: Helper<PushStats>;
}

type Measured = Pick<
  ReplayResult,
  "cpuPerScrapeMs" | "scrapesDone" | "pushedProfiles" | "memoryMax" | "memoryEnd" | "lagP99Ms" | "faults"
>;

/** What the agent does and uses in the next `durationMs`. */
async function measure({ agent, url, source, sink }: Running, durationMs: number): Promise<Measured> {
  const read = async () => ({
    lag: await lagBuckets(`${url}/metrics`),
    source: await source.stats(),
    sink: await sink.stats(),
    cpuMs: cpuMs(agent.pid),
  });
  const before = await read();
  const memory = watchMemory(agent.pid);
  await sleep(durationMs);
  const { max, end } = memory.stop();
  const after = await read();
  const scrapesDone = after.source.finished - before.source.finished;
  const lagP99Ms = p99Ms(before.lag, after.lag);
  const { aborted, cpuBusy, notFound } = after.source;
  return {
    ...(scrapesDone > 0 && { cpuPerScrapeMs: (after.cpuMs - before.cpuMs) / scrapesDone }),
    scrapesDone,
    pushedProfiles: after.sink.profiles - before.sink.profiles,
    memoryMax: max,
    memoryEnd: end,
    ...(lagP99Ms !== undefined && { lagP99Ms }),
    faults: { aborted, cpuBusy, notFound, undecodable: after.sink.undecodable },
  };
}

/** A process of the bench that tells its counts. */
interface Helper<Stats> {
  readonly port: number;
  stats(): Promise<Stats>;
}

async function startHelper<Stats>(children: Child[], file: string, ...args: string[]): Promise<Helper<Stats>> {
  const child = startChild([process.execPath, join(import.meta.dirname, file), ...args]);
  children.push(child);
  const [, port] = await child.waitFor(/^listening on (\d+)$/m);
  return {
    port: Number(port),
    stats: async () => (await (await fetch(`http://127.0.0.1:${port}/stats`)).json()) as Stats,
  };
}

async function untilReady(agent: Child, url: string, startedMs: number): Promise<number> {
  while (Date.now() - startedMs < 30_000) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return Date.now() - startedMs;
    await sleep(2);
  }
  throw new Error(`Not ready after 30 s: ${url}; it wrote:\n${agent.output()}`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
