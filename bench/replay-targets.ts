// A process of the replay bench: the targets. One listener answers for every address of 127.0.0.0/8, and each address is a
// target of its own with its own place in the recordings. Prints its port; GET /stats on 127.0.0.1 gives the counts.
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import process from "node:process";

const recordings = readRecordings(process.argv[2] ?? "");
/** Requests by target and type; says which recording comes next. */
const turns = new Map<string, number>();
const profiling = new Set<string>();
const stats = { started: 0, finished: 0, aborted: 0, cpuBusy: 0, notFound: 0, bytes: 0 };

function readRecordings(directory: string): ReadonlyMap<string, readonly Buffer[]> {
  const byType = new Map<string, Buffer[]>();
  for (const file of readdirSync(directory)) {
    const match = /^(\w+)\.(\d+)\.pb\.gz$/.exec(file);
    if (!match) continue;
    const [, type = "", turn = ""] = match;
    const list = byType.get(type) ?? [];
    list[Number(turn) - 1] = readFileSync(join(directory, file));
    byType.set(type, list);
  }
  if (byType.size === 0) throw new Error(`Cannot replay: no TYPE.N.pb.gz in "${directory}"`);
  return byType;
}

function send(response: ServerResponse, key: string, list: readonly Buffer[]): void {
  const turn = turns.get(key) ?? 0;
  turns.set(key, turn + 1);
  const body = list[turn % list.length] as Buffer;
  stats.bytes += body.length;
  // Alloy wants this type; the other headers are Go's too.
  response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": body.length });
  response.end(body);
}

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://target");
  const address = request.socket.localAddress ?? "";
  if (url.pathname === "/stats") {
    response.end(JSON.stringify(stats));
    return;
  }
  const type = url.pathname.slice("/debug/pprof/".length);
  const list = recordings.get(type);
  if (!address.startsWith("127.") || !list) {
    stats.notFound++;
    response.writeHead(404).end("404 page not found\n");
    return;
  }
  stats.started++;
  response.on("close", () => (response.writableFinished ? stats.finished++ : stats.aborted++));
  const key = `${address} ${type}`;
  const seconds = Number(url.searchParams.get("seconds") ?? 0);
  if (seconds === 0) {
    send(response, key, list);
    return;
  }
  if (type === "profile" && profiling.has(address)) {
    stats.cpuBusy++;
    response.writeHead(500).end("Could not enable CPU profiling: cpu profiling already in use\n");
    return;
  }
  profiling.add(address);
  const timer = setTimeout(() => send(response, key, list), seconds * 1000);
  response.on("close", () => {
    clearTimeout(timer);
    profiling.delete(address);
  });
});
// Go's server keeps idle connections for ever.
server.keepAliveTimeout = 0;
server.listen(0, "0.0.0.0", () => {
  console.log(`listening on ${(server.address() as { port: number }).port}`);
});
