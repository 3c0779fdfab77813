// A process of the replay bench: a Pyroscope server that only counts. Prints its port; GET /stats gives the counts.
import { fromBinary } from "@bufbuild/protobuf";
import { createServer } from "node:http";
import { gunzipSync } from "node:zlib";
import { PushRequestSchema } from "../src/gen/push/v1/push_pb.ts";

const stats = { requests: 0, profiles: 0, bytes: 0, undecodable: 0, firstProfileMs: 0, lastNewInstanceMs: 0 };
const series = new Set<string>();
const instances = new Set<string>();

function count(body: Uint8Array): void {
  const nowMs = Date.now();
  stats.requests++;
  stats.firstProfileMs ||= nowMs;
  for (const { labels, samples } of fromBinary(PushRequestSchema, body).series) {
    const instance = labels.find(({ name }) => name === "instance")?.value ?? "";
    if (!instances.has(instance)) {
      instances.add(instance);
      stats.lastNewInstanceMs = nowMs;
    }
    series.add(labels.map(({ name, value }) => `${name}=${value}`).join(","));
    stats.profiles += samples.length;
    for (const { rawProfile } of samples) stats.bytes += rawProfile.length;
  }
}

const server = createServer((request, response) => {
  if (request.url === "/stats") {
    response.end(JSON.stringify({ ...stats, series: series.size, instances: instances.size }));
    return;
  }
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    try {
      count(request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body);
    } catch {
      stats.undecodable++;
    }
    response.writeHead(200, { "Content-Type": "application/proto" }).end();
  });
});
// Like Pyroscope, which is written in Go.
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on ${(server.address() as { port: number }).port}`);
});
