import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Duration } from "../src/base/index.ts";

export const usage = `Usage: bun bench/replay.ts [options]

Replays recorded Go profiles from N targets to an agent that pushes to a counting server, and prints what it cost.

  --targets 10,100,500   numbers of targets, one run each; 0 measures it idle (default 10,100)
  --duration 60s         measured time of a run; a multiple of the interval (default 60s)
  --warmup 30s           time before it, from the start of the agent (default: two intervals)
  --interval 15s         scrape interval (default 15s)
  --binary PATH          the agent to measure (default dist/agent where it is built, else bun src/main.ts)
  --alloy PATH           measure this Grafana Alloy binary instead, with the equivalent configuration
  --recordings DIR       profiles named TYPE.N.pb.gz (default: test/fixtures/recordings, else /work/shared/recordings)
  --json                 print JSON instead of a table
`;

export interface ReplayOptions {
  readonly targets: readonly number[];
  readonly durationMs: number;
  readonly warmupMs: number;
  readonly intervalMs: number;
  readonly binary: string | undefined;
  readonly alloy: string | undefined;
  readonly recordings: string;
  readonly json: boolean;
}

/** Throws with a sentence for whoever typed the arguments. */
export function parseReplayOptions(args: readonly string[]): ReplayOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      targets: { type: "string", default: "10,100" },
      duration: { type: "string", default: "60s" },
      warmup: { type: "string" },
      interval: { type: "string", default: "15s" },
      binary: { type: "string" },
      alloy: { type: "string" },
      recordings: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const intervalMs = milliseconds("interval", values.interval);
  const durationMs = milliseconds("duration", values.duration);
  if (intervalMs < 2000 || intervalMs % 1000 !== 0)
    throw new Error(`Cannot scrape every "${values.interval}": whole seconds, at least 2s`);
  if (durationMs % intervalMs !== 0)
    throw new Error(`Cannot measure "${values.duration}": not a multiple of the interval "${values.interval}"`);
  return {
    targets: values.targets.split(",").map(count),
    durationMs,
    warmupMs: values.warmup === undefined ? 2 * intervalMs : milliseconds("warmup", values.warmup),
    intervalMs,
    binary: values.binary,
    alloy: values.alloy,
    recordings: values.recordings ?? defaultRecordings(),
    json: values.json,
  };
}

function milliseconds(option: string, text: string): number {
  const duration = Duration.parse(text);
  if (!duration || duration.ms <= 0)
    throw new Error(`Cannot read --${option}: "${text}" is no length of time like "60s"`);
  return duration.ms;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 60_000)
    throw new Error(`Cannot read --targets: "${text}" is no number from 0 to 60000`);
  return value;
}

function defaultRecordings(): string {
  const own = join(import.meta.dirname, "..", "test", "fixtures", "recordings");
  return existsSync(own) ? own : "/work/shared/recordings";
}
