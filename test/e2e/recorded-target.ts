import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { ProfileSchema } from "../../src/gen/google/v1/profile_pb.ts";

/** A healthy target that replays recordings of a Go program: for tests that are about its neighbours. */
export interface RecordedTarget {
  readonly port: number;
  /** Answers given, by the address that was asked: every address of 127.0.0.0/8 is a target of its own. */
  readonly answers: ReadonlyMap<string, number>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const recordings = join(import.meta.dirname, "..", "fixtures", "recordings");

/** Serves /debug/pprof/{allocs,block,goroutine,mutex}, and /invalid-utf8 with a sample label that no server takes. */
export async function startRecordedTarget(): Promise<RecordedTarget> {
  const bodies = new Map<string, Uint8Array>([["/invalid-utf8", profileWithInvalidUtf8()]]);
  for (const type of ["allocs", "block", "goroutine", "mutex"])
    bodies.set(`/debug/pprof/${type}`, readFileSync(join(recordings, `${type}.1.pb.gz`)));
  const answers = new Map<string, number>();
  const server = createServer((request, response) => {
    const body = bodies.get(request.url ?? "");
    const address = request.socket.localAddress ?? "";
    if (!body || !address.startsWith("127.")) {
      response.writeHead(404).end("404 page not found\n");
      return;
    }
    answers.set(address, (answers.get(address) ?? 0) + 1);
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port: (server.address() as { port: number }).port, answers, close, [Symbol.asyncDispose]: close };
}

/** A profile that is in order but for one label of its sample, whose value is the bytes ff fe. */
function profileWithInvalidUtf8(): Uint8Array {
  const placeholder = "@@";
  const raw = toBinary(
    ProfileSchema,
    create(ProfileSchema, {
      stringTable: ["", "goroutine", "count", "main.main", "request", placeholder],
      sampleType: [{ type: 1n, unit: 2n }],
      periodType: { type: 1n, unit: 2n },
      period: 1n,
      function: [{ id: 1n, name: 3n }],
      location: [{ id: 1n, address: 4096n, line: [{ functionId: 1n, line: 1n }] }],
      sample: [{ locationId: [1n], value: [1n], label: [{ key: 4n, str: 5n }] }],
    }),
  );
  const at = Buffer.from(raw).indexOf(placeholder);
  raw.set([0xff, 0xfe], at);
  return gzipSync(raw);
}
