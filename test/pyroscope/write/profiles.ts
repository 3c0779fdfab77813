import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Profile as Pprof, ProfileSchema } from "../../../src/gen/google/v1/profile_pb.ts";
import { labelsOf, type Profile } from "../../../src/model/index.ts";

export interface ProfileSketch {
  readonly id?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** One sample each, of one stack of its own. */
  readonly values?: readonly number[];
  readonly timeMs?: number;
  readonly scrapedAtMs?: number;
  /** `contentions` unless given. */
  readonly sampleType?: string;
  /** Bytes added to the data, for queues to be filled with. */
  readonly padding?: number;
}

let made = 0;

/** A small valid profile, as a scrape would hand it on. */
export function aProfile(sketch: ProfileSketch = {}): Profile {
  made += 1;
  const { sampleType = "contentions", values = [1], timeMs = 0, padding = 0 } = sketch;
  const raw = toBinary(ProfileSchema, pprofOf({ sampleType, values, timeMs, padding }));
  return {
    id: sketch.id ?? `00000000-0000-4000-8000-${String(made).padStart(12, "0")}`,
    labels: labelsOf(sketch.labels ?? { __name__: "mutex", service_name: "shop" }),
    data: new Uint8Array(gzipSync(raw, { level: padding > 0 ? 0 : 1 })),
    info: {
      sampleTypes: [{ type: sampleType, unit: "count" }],
      samples: values.length,
      timeMs,
      durationMs: 0,
      rawBytes: raw.byteLength,
    },
    scrapedAtMs: sketch.scrapedAtMs ?? timeMs,
  };
}

/** The message that such a profile holds. */
export function pprofOf(sketch: Required<Pick<ProfileSketch, "sampleType" | "values" | "timeMs" | "padding">>): Pprof {
  const stringTable = ["", sketch.sampleType, "count", "main.go", ...sketch.values.map((_, at) => `main.f${at}`)];
  if (sketch.padding > 0) stringTable.push("x".repeat(sketch.padding));
  return create(ProfileSchema, {
    stringTable,
    timeNanos: BigInt(sketch.timeMs) * 1_000_000n,
    sampleType: [{ type: 1n, unit: 2n }],
    sample: sketch.values.map((value, at) => ({ locationId: [BigInt(at + 1)], value: [BigInt(value)] })),
    location: sketch.values.map((_, at) => ({ id: BigInt(at + 1), line: [{ functionId: BigInt(at + 1) }] })),
    function: sketch.values.map((_, at) => ({ id: BigInt(at + 1), name: BigInt(at + 4), filename: 3n })),
  });
}
