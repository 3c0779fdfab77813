// The replay bench: recorded Go profiles from N targets, scraped by the agent (or by Grafana Alloy), pushed to a server that
// counts. Prints CPU per scrape, memory and start times; README.md beside this file says what each figure means.
import process from "node:process";
import { errorMessage } from "../src/base/index.ts";
import type { ProcessMemory } from "./process-stats.ts";
import { parseReplayOptions, usage } from "./replay-options.ts";
import { replay, type ReplayResult } from "./replay-run.ts";

const columns: readonly (readonly [title: string, cell: (result: ReplayResult) => string])[] = [
  ["targets", (r) => String(r.targets)],
  ["CPU/scrape", (r) => (r.cpuPerScrapeMs === undefined ? "–" : `${r.cpuPerScrapeMs.toFixed(2)} ms`)],
  ["done/due", (r) => `${r.scrapesDone}/${r.scrapesDue}`],
  ["pushed", (r) => String(r.pushedProfiles)],
  ["RSS max/end", (r) => pair(r, "rss")],
  ["anon max/end", (r) => pair(r, "anonymous")],
  ["file", (r) => megabytes(r.memoryEnd.file)],
  ["ready", (r) => milliseconds(r.readyMs)],
  ["first sent", (r) => milliseconds(r.firstSentMs)],
  ["all sent", (r) => milliseconds(r.allSentMs)],
  ["lag p99", (r) => milliseconds(r.lagP99Ms)],
  ["stop", (r) => milliseconds(r.stopMs)],
  ["faults", (r) => faults(r)],
];

function pair({ memoryMax, memoryEnd }: ReplayResult, what: keyof ProcessMemory): string {
  return `${megabytes(memoryMax[what])}/${megabytes(memoryEnd[what])}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function milliseconds(ms: number | undefined): string {
  if (ms === undefined) return "–";
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function faults({ faults: counts }: ReplayResult): string {
  const some = Object.entries(counts).filter(([, value]) => value > 0);
  return some.map(([name, value]) => `${name} ${value}`).join(", ") || "none";
}

function table(results: readonly ReplayResult[]): string {
  const rows = [columns.map(([title]) => title), ...results.map((result) => columns.map(([, cell]) => cell(result)))];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => (row[i] as string).length)));
  return rows.map((row) => row.map((cell, i) => cell.padStart(widths[i] as number)).join("  ")).join("\n");
}

async function main(): Promise<void> {
  if (process.argv.includes("--help")) {
    console.log(usage);
    return;
  }
  const options = parseReplayOptions(process.argv.slice(2));
  const results: ReplayResult[] = [];
  for (const targets of options.targets) {
    console.error(`${targets} targets: ${(options.warmupMs + options.durationMs) / 1000} s …`);
    results.push(await replay(targets, options));
  }
  if (options.json) console.log(JSON.stringify(results, null, 2));
  else console.log(`${results[0]?.subject}; sizes in MB\n\n${table(results)}`);
}

// Children are killed when this process exits, and a signal would end it without that.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));

try {
  await main();
} catch (error) {
  console.error(`${errorMessage(error)}\n\n${usage}`);
  process.exitCode = 1;
}
