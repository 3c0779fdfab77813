/**
 * Micro-benches of the pprof room: milliseconds per call, the median of many, once warm. Run with `bun bench/pprof.ts`, or
 * `deno run -A bench/pprof.ts`; a number as argument is how long each figure may take, in milliseconds.
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ProfileSchema } from "../src/gen/google/v1/profile_pb.ts";
import { type Baseline, compress, computeDelta, decodeBody, validate } from "../src/pprof/index.ts";
import { buildProfile } from "../test/support/profile-builder.ts";
import { type RecordedType, rawRecording } from "../test/support/recordings.ts";

const budgetMs = Number(process.argv[2] ?? 1500);
const maxBytes = 32 * 1024 ** 2;
const heap = ["alloc_objects/count", "alloc_space/bytes"];
const blocking = ["contentions/count", "delay/nanoseconds"];

/** Two successive profiles of one process. */
interface Subject {
  readonly name: string;
  readonly before: Uint8Array;
  readonly now: Uint8Array;
  readonly cumulative: readonly string[];
}

const recorded = (type: RecordedType, cumulative: readonly string[]): Subject => {
  return { name: `${type} (recorded)`, before: rawRecording(type, 1), now: rawRecording(type, 2), cumulative };
};

/** A heap profile of so many stacks, 20 deep, of which every tenth has grown since the one of round 0. */
function generated(stacks: number, round: number): Uint8Array {
  const samples = Array.from({ length: stacks }, (_, index) => {
    const stack = Array.from(
      { length: 20 },
      (__, depth) => 0x400_000 + ((index * 31 + depth * depth * 97) % 8000) * 16,
    );
    const grown = index % 10 === 0 ? round : 0;
    const objects = 1000 + index + grown;
    return { stack: [...stack, 0x800_000 + index], values: [objects, objects * 512, index % 7, (index % 7) * 512] };
  });
  const sampleTypes = [...heap, "inuse_objects/count", "inuse_space/bytes"];
  return buildProfile({ sampleTypes, samples, buildId: "build-1", timeNanos: (round + 1) * 15e9 });
}

const subjects: readonly Subject[] = [
  recorded("allocs", heap),
  recorded("block", blocking),
  recorded("mutex", blocking),
  recorded("goroutine", []),
  recorded("profile", []),
  {
    name: "heap, 10,000 stacks (generated)",
    before: generated(10_000, 0),
    now: generated(10_000, 1),
    cumulative: heap,
  },
];

/** The median time of a call, measured over `budgetMs` after as long a warm-up. */
function medianMs(call: () => unknown): number {
  const times: number[] = [];
  const start = performance.now();
  for (let now = start; now < start + budgetMs; now = performance.now()) {
    call();
    if (now > start + budgetMs / 2) times.push(performance.now() - now);
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1] ?? Number.NaN;
}

const table = subjects.map(({ name, before, now, cumulative }) => {
  const body = compress(now);
  const deltaFrom = (baseline: Baseline | undefined, raw: Uint8Array) =>
    computeDelta(raw, { cumulative, baseline, maxBaselineBytes: maxBytes });
  const { next: baseline } = deltaFrom(undefined, before);
  const subtracts = cumulative.length > 0;
  const delta = subtracts ? deltaFrom(baseline, now).raw : undefined;
  const message = fromBinary(ProfileSchema, now);
  const ms = (call: () => unknown): string => medianMs(call).toFixed(3);
  return {
    profile: name,
    "KB raw": Math.round(now.length / 1000),
    decodeBody: ms(() => decodeBody(body, maxBytes)),
    validate: ms(() => validate(now)),
    "protobuf-es decode": ms(() => fromBinary(ProfileSchema, now)),
    computeDelta: subtracts ? ms(() => deltaFrom(baseline, now)) : "",
    "KB delta": delta ? Math.round(delta.length / 1000) : "",
    "compress delta": delta ? ms(() => compress(delta)) : "",
    "compress whole": ms(() => compress(now)),
    "protobuf-es encode": ms(() => toBinary(ProfileSchema, message)),
    "bytes per stack": baseline ? Math.round(baseline.bytes / baseline.stacks) : "",
  };
});

const runtime = process.versions["bun"] ? `Bun ${process.versions["bun"]}` : `Deno ${process.versions["deno"]}`;
console.log(`${runtime}, ${process.platform} ${process.arch}; milliseconds per call, median`);
console.table(table);
