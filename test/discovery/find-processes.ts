// Looks once for processes, as whoever runs this, with the arguments that are given as JSON, and prints their targets.
import process from "node:process";
import { systemClock } from "../../src/base/index.ts";
import { processKind } from "../../src/discovery/process.ts";
import { processFinder } from "../../src/discovery/process/process-finder.ts";
import { type ProcessArguments } from "../../src/discovery/process/arguments.ts";
import { labelsToJson } from "../../src/model/index.ts";
import { silentLogger } from "../../src/observability/index.ts";
import { parseIn } from "./running-discovery.ts";

const args = parseIn<ProcessArguments>("/", processKind, JSON.parse(process.argv[2] ?? "{}"));
const context = {
  clock: systemClock,
  log: silentLogger,
  userAgent: "pprof-agent/test",
};
const stop = new AbortController();
await processFinder(args, context).run(stop.signal, {
  found: (_source, targets) => {
    console.log(JSON.stringify(targets.map(labelsToJson)));
    return true;
  },
  gone: () => undefined,
  skipped: () => undefined,
  failed: (_source, error) => console.log(String(error)),
  complete: () => stop.abort(),
  settled: () => undefined,
});
