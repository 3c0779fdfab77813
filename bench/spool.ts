/**
 * The segment log: bytes written per record byte, appends per second, what the index of a full log occupies, and how long it takes to
 * open one, with the longest that the event loop was blocked. Run with `bun bench/spool.ts`, or `deno run -A bench/spool.ts`; `--dir` says
 * where, because a disk in memory shows nothing.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { systemClock } from "../src/base/index.ts";
import { createMetrics, silentLogger } from "../src/observability/index.ts";
import { createDataDirectory, type SpoolLog } from "../src/storage/index.ts";

const mebibyte = 1024 ** 2;
const { values } = parseArgs({
  options: { dir: { type: "string", default: tmpdir() }, log: { type: "string", default: "256" } },
});
const maxBytes = Number(values.log) * mebibyte;
const owners = ["http://pyroscope.example:4040 squad-1"];
const meta = new TextEncoder().encode(
  JSON.stringify({
    labels: { service_name: "checkout", __name__: "memory", instance: "10.0.0.7:6060" },
    id: "x".repeat(36),
  }),
);

interface OpenLog {
  readonly log: SpoolLog;
  readonly written: () => Promise<number>;
  readonly commits: () => Promise<number>;
  close(): Promise<void>;
}

function openAt(path: string): OpenLog {
  const metrics = createMetrics();
  const directory = createDataDirectory(path, { clock: systemClock, log: silentLogger, metrics });
  return {
    log: directory.spoolLog("bench", { maxBytes, onLost() {} }),
    written: () => metrics.total("agent_spool_written_bytes_total"),
    commits: () => metrics.total("agent_spool_commits_total"),
    close: () => directory.close(),
  };
}

/** Calls `work` while it watches how late timers come. */
async function withLag<T>(work: () => Promise<T>): Promise<{ result: T; tookMs: number; longestMs: number }> {
  let [last, longestMs] = [performance.now(), 0];
  const timer = setInterval(() => {
    const now = performance.now();
    longestMs = Math.max(longestMs, now - last - 1);
    last = now;
  }, 1);
  const startMs = performance.now();
  const result = await work();
  const tookMs = performance.now() - startMs;
  longestMs = Math.max(longestMs, performance.now() - last - 1);
  clearInterval(timer);
  return { result, tookMs, longestMs };
}

/** Fills a log to nine tenths with records of one size, a hundred at a time. */
async function fill({ log }: OpenLog, recordBytes: number): Promise<number> {
  const data = new Uint8Array(recordBytes).fill(42);
  const count = Math.floor((maxBytes * 0.9) / (recordBytes + 250));
  for (let done = 0; done < count; done += 1000) {
    const batch = Array.from({ length: Math.min(1000, count - done) }, () => log.append({ meta, data }, owners));
    await log.flush();
    await Promise.all(batch);
  }
  return count;
}

async function measure(path: string, recordBytes: number): Promise<string[]> {
  const first = openAt(path);
  const filled = await withLag(() => fill(first, recordBytes));
  const [written, commits] = [await first.written(), await first.commits()];
  const indexBytes = first.log.snapshot().memoryBytes ?? 0;
  await first.close();
  const second = openAt(path);
  const opened = await withLag(() => second.log.open());
  const nextStart = performance.now();
  let seen = 0;
  for (let at = second.log.next(owners[0] as string); at !== undefined; at = second.log.next(owners[0] as string, at))
    seen++;
  const nextUs = ((performance.now() - nextStart) / seen) * 1000;
  const readStart = performance.now();
  for (let number = 1; number <= 200; number++) await second.log.read(number);
  const readMs = (performance.now() - readStart) / 200;
  await second.close();
  if (seen !== filled.result) throw new Error(`Only ${seen} of ${filled.result} records were found again`);
  return [
    `${recordBytes}`,
    `${filled.result}`,
    (written / (filled.result * recordBytes)).toFixed(3),
    `${Math.round((filled.result / filled.tookMs) * 1000)}`,
    (filled.tookMs / commits).toFixed(1),
    (indexBytes / mebibyte).toFixed(2),
    (opened.tookMs / 1000).toFixed(2),
    opened.longestMs.toFixed(1),
    nextUs.toFixed(2),
    readMs.toFixed(2),
  ];
}

console.log(
  "record bytes | records | written/data | appends/s | ms/commit | index MiB | open s | open lag ms | next µs | read ms",
);
for (const recordBytes of [1024, 10 * 1024, 50 * 1024]) {
  const path = await mkdtemp(join(values.dir, "spool-bench-"));
  console.log((await measure(path, recordBytes)).join(" | "));
  await rm(path, { recursive: true });
}
process.exit(0);
