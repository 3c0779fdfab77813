// The HTTP soak: the agent's client under requests of which a fifth never get an answer. Prints what it opened and what it left
// behind, and exits with 1 where something leaked. README.md beside this file says what each figure means.
import process from "node:process";
import { parseArgs } from "node:util";
import { errorMessage } from "../src/base/index.ts";
import { soak, type SoakOptions } from "./soak.ts";

const usage = `Usage: bun bench/http-soak.ts [options]

  --seconds 60        how long it takes (default 60)
  --requests N        how many requests in that time (default 10,000 a minute)
  --concurrency 64    most requests at a time (default 64)
  --timeout-ms 300    deadline of a request (default 300)
  --max-growth-mb 16  how much the process may grow after 60 % of the requests (default 16)
`;

const perSecond = 10_000 / 60;

/** Throws with a sentence for whoever typed the arguments. */
function parseOptions(args: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "60" },
      requests: { type: "string" },
      concurrency: { type: "string", default: "64" },
      "timeout-ms": { type: "string", default: "300" },
      "max-growth-mb": { type: "string", default: "16" },
    },
  });
  const seconds = positive("seconds", values.seconds);
  return {
    requests: values.requests === undefined ? Math.ceil(seconds * perSecond) : positive("requests", values.requests),
    durationMs: seconds * 1000,
    concurrency: positive("concurrency", values.concurrency),
    timeoutMs: positive("timeout-ms", values["timeout-ms"]),
    maxGrowthBytes: positive("max-growth-mb", values["max-growth-mb"]) * 1e6,
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value >= 1)) throw new Error(`Cannot take --${name} "${text}": it must be a number of 1 or more`);
  return value;
}

async function main(): Promise<void> {
  if (process.argv.includes("--help")) {
    console.log(usage);
    return;
  }
  const result = await soak(parseOptions(process.argv.slice(2)));
  const [at20, at60, at100] = result.rssBytes.map((bytes) => (bytes / 1e6).toFixed(1));
  console.log(`requests          ${result.requests}, of which ${result.timeouts} timed out`);
  console.log(`connections       ${result.connections} opened, ${result.mostConnections} at a time`);
  console.log(`left at the end   ${result.openConnections} connections, ${result.fdsAfter - result.fdsBefore} fds,`);
  console.log(`                  ${result.pendingTimers} timers, ${result.abortListeners} abort listeners`);
  console.log(`RSS at 20/60/100% ${at20}/${at60}/${at100} MB`);
  console.log(`unexpected        ${JSON.stringify(result.strays)}`);
  for (const leak of result.leaks) console.log(`LEAK: ${leak}`);
  console.log(result.leaks.length === 0 ? "nothing leaked" : "failed");
  process.exitCode = result.leaks.length === 0 ? 0 : 1;
}

try {
  await main();
} catch (thrown) {
  console.error(errorMessage(thrown));
  process.exitCode = 2;
}
