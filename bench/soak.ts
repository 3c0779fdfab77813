import { getEventListeners } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import process from "node:process";
import { AgentError, type Clock, sleep, systemClock } from "../src/base/index.ts";
import { createHttpClient, type HttpClient } from "../src/http/index.ts";
import { type Child, eventually, startChild } from "../test/support/child.ts";

export interface SoakOptions {
  readonly requests: number;
  /** The requests are spread over this time. */
  readonly durationMs: number;
  /** Deadline of a request. */
  readonly timeoutMs: number;
  /** Most requests at a time. */
  readonly concurrency: number;
  /** How much the process may grow after 60 % of the requests. */
  readonly maxGrowthBytes: number;
  /** Makes the client to be tried; the agent's own by default. */
  readonly createClient?: (clock: Clock) => HttpClient;
}

export interface SoakResult {
  readonly requests: number;
  readonly timeouts: number;
  /** Requests that ended otherwise than they should have, by reason. */
  readonly strays: Readonly<Record<string, number>>;
  /** Connections that the server saw: in all, at a time, and open once the client was closed. */
  readonly connections: number;
  readonly mostConnections: number;
  readonly openConnections: number;
  /** Of this process: before the client was made, and after it was closed. */
  readonly fdsBefore: number;
  readonly fdsAfter: number;
  readonly pendingTimers: number;
  readonly abortListeners: number;
  /** At 20, 60 and 100 % of the requests. */
  readonly rssBytes: readonly number[];
  /** What leaked, in words; empty where nothing did. */
  readonly leaks: readonly string[];
}

interface ServerStats {
  readonly connections: number;
  readonly most: number;
  readonly open: number;
}

/** One request in five gets no answer: four of these in five are met with silence, one with half a body. */
const stallEvery = 5;
const halfEvery = 25;
/** Idle connections that the pool may keep to one host, and what a busy machine may cost. */
const spareConnections = 16;
const settleMs = 5000;

/** Puts a client under requests of which a fifth time out, closes it, and tells what it left behind. Linux only (`/proc`). */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const server = startServer();
  try {
    const [, port] = await server.waitFor(/^listening on (\d+)$/m);
    return await soakAgainst(`http://127.0.0.1:${port}`, options);
  } finally {
    await server.stop("SIGKILL");
  }
}

async function soakAgainst(url: string, options: SoakOptions): Promise<SoakResult> {
  await serverStats(url);
  const fdsBefore = openFds();
  const { clock, pending } = countingClock();
  const client = options.createClient?.(clock) ?? createHttpClient({ clock });
  const { signal } = new AbortController();
  const load = await run(client, { url, signal, options });
  client.close();
  // Sockets close in turns of the event loop, here and at the server.
  const settled = (stats: ServerStats): boolean => stats.open === 0 && openFds() <= fdsBefore;
  const probe = async (): Promise<ServerStats | undefined> => {
    const stats = await serverStats(url);
    return settled(stats) ? stats : undefined;
  };
  const stats = await eventually("all connections closed", probe, settleMs).catch(() => serverStats(url));
  const seen = {
    requests: options.requests,
    ...load,
    connections: stats.connections,
    mostConnections: stats.most,
    openConnections: stats.open,
    fdsBefore,
    fdsAfter: openFds(),
    pendingTimers: pending(),
    abortListeners: getEventListeners(signal, "abort").length,
  };
  return { ...seen, leaks: leaksIn(seen, options) };
}

interface Load {
  readonly timeouts: number;
  readonly strays: Readonly<Record<string, number>>;
  readonly rssBytes: readonly number[];
}

async function run(
  client: HttpClient,
  { url, signal, options }: { url: string; signal: AbortSignal; options: SoakOptions },
): Promise<Load> {
  const { requests, durationMs, timeoutMs, concurrency } = options;
  const marks = [0.2, 0.6, 1].map((share) => Math.ceil(requests * share));
  const rssBytes: number[] = [];
  const strays: Record<string, number> = {};
  let [next, done, timeouts] = [0, 0, 0];
  const startMs = systemClock.monotonic();
  const request = async (index: number): Promise<void> => {
    await sleep(systemClock, startMs + (index * durationMs) / requests - systemClock.monotonic());
    const stalls = index % stallEvery === 0;
    const path = !stalls ? "/profile" : index % halfEvery === 0 ? "/half" : "/never";
    const outcome = await client
      .request({ method: "GET", url: url + path, maxBytes: 1_000_000, timeoutMs, signal })
      .then(({ status }) => `status ${status}`, reasonOf);
    if (outcome === "timeout") timeouts++;
    if (outcome !== (stalls ? "timeout" : "status 200")) strays[outcome] = (strays[outcome] ?? 0) + 1;
    if (++done === marks[rssBytes.length]) rssBytes.push(process.memoryUsage.rss());
  };
  const worker = async (): Promise<void> => {
    while (next < requests) await request(next++);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { timeouts, strays, rssBytes };
}

function leaksIn(seen: Omit<SoakResult, "leaks">, { concurrency, maxGrowthBytes }: SoakOptions): string[] {
  const { requests, timeouts, rssBytes } = seen;
  const [, atMost = 0, atEnd = 0] = rssBytes;
  // Only a connection whose request timed out cannot be used again; one in fifty may miss the pool when it is full.
  const maxConnections = timeouts + concurrency + requests / 50;
  const strays = Object.values(seen.strays).reduce((sum, count) => sum + count, 0);
  const rules: readonly (readonly [broken: boolean, leak: string])[] = [
    [seen.fdsAfter > seen.fdsBefore, `${seen.fdsAfter - seen.fdsBefore} file descriptors are left open`],
    [seen.openConnections > 0, `${seen.openConnections} connections are left open at the server`],
    [seen.pendingTimers > 0, `${seen.pendingTimers} timers are left`],
    [seen.abortListeners > 0, `${seen.abortListeners} listeners are left on the signal`],
    [seen.connections > maxConnections, `${seen.connections} connections were opened, ${maxConnections} are enough`],
    [seen.mostConnections > concurrency + spareConnections, `${seen.mostConnections} connections were open at a time`],
    [atEnd - atMost > maxGrowthBytes, `the process grew by ${atEnd - atMost} bytes after 60 % of the requests`],
    [strays > requests / 100, `${strays} requests ended otherwise than they should have`],
  ];
  return rules.filter(([broken]) => broken).map(([, leak]) => leak);
}

function countingClock(): { clock: Clock; pending: () => number } {
  const pending = new Set<object>();
  const clock: Clock = {
    ...systemClock,
    after(delayMs, callback) {
      const timer = systemClock.after(delayMs, () => {
        pending.delete(timer);
        callback();
      });
      pending.add(timer);
      const cancel = (): void => {
        pending.delete(timer);
        timer.cancel();
      };
      return { cancel };
    },
  };
  return { clock, pending: () => pending.size };
}

function startServer(): Child {
  const runs = process.versions["deno"] ? ["run", "-A", "--no-check"] : [];
  return startChild([process.execPath, ...runs, join(import.meta.dirname, "soak-server.ts")]);
}

/** Over a connection of its own, which is closed when this resolves. */
function serverStats(url: string): Promise<ServerStats> {
  return new Promise((resolve, reject) => {
    const request = http.get(`${url}/stats`, { agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.once("close", () => resolve(JSON.parse(text) as ServerStats));
    });
    request.once("error", reject);
  });
}

/**
 * Without unix sockets, of which the client opens none here. On Deno two more of them were there after some runs than before, once in a
 * process and at no certain time; what opens them was not found.
 */
function openFds(): number {
  const unixSockets = readFileSync("/proc/self/net/unix", "utf8");
  const inodes = new Set(unixSockets.split("\n").map((line) => line.trim().split(/\s+/)[6]));
  return readdirSync("/proc/self/fd").filter((fd) => !inodes.has(inodeOf(fd))).length;
}

/** "none" for what is no socket, or was open only while the folder was read. */
function inodeOf(fd: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? "none";
  } catch {
    return "none";
  }
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof AgentError ? thrown.reason : String(thrown);
}
