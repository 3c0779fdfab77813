// The targets of the fault harness, a process of their own: every address of 127.2.0.0/16 is one, and replays recordings of a real Go
// program, each answer with a time of its own. Prints its port; GET /stats on 127.0.0.1 says how often each (address, type) answered.
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";
import { rawRecording, recordingNumbers } from "../support/recordings.ts";
import { timeField, withoutTime } from "./profile-time.ts";

const types = ["allocs", "goroutine", "block", "mutex"] as const;
const recordings = new Map(
  types.map((type) => [type as string, recordingNumbers.map((number) => withoutTime(rawRecording(type, number)))]),
);
const answers = new Map<string, number>();
let lastNanos = 0n;

/** Now, and never the same twice. */
function uniqueNanos(): bigint {
  const nowNanos = BigInt(Date.now()) * 1_000_000n;
  lastNanos = nowNanos > lastNanos ? nowNanos : lastNanos + 1n;
  return lastNanos;
}

const server = createServer((request, response) => {
  const address = request.socket.localAddress ?? "";
  const type = request.url?.replace("/debug/pprof/", "").split("?")[0] ?? "";
  if (request.url === "/stats") {
    response.end(JSON.stringify(Object.fromEntries(answers)));
    return;
  }
  const list = recordings.get(type);
  if (!list || !address.startsWith("127.2.")) {
    response.writeHead(404).end("404 page not found\n");
    return;
  }
  const key = `${address} ${type}`;
  const turn = answers.get(key) ?? 0;
  answers.set(key, turn + 1);
  const raw = list[turn % list.length] as Uint8Array;
  response.end(gzipSync(Buffer.concat([raw, timeField(uniqueNanos())]), { level: 1 }));
});
server.keepAliveTimeout = 0;
server.listen(0, "0.0.0.0", () => console.log(`listening on ${(server.address() as { port: number }).port}`));
