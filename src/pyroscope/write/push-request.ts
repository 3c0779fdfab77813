import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Labels, Profile } from "../../model/index.ts";

/**
 * The body of one push: a `push.v1.PushRequest` with one series of one sample. In three parts, the middle one being
 * `profile.data` itself, so that neither framing nor several endpoints copy it. Written by hand because loading the generated
 * code costs 10 MB; tests hold it against that code.
 */
export function pushRequestBody({ id, labels, data }: Profile): readonly [Uint8Array, Uint8Array, Uint8Array] {
  const pairs = labelPairs(labels);
  const sampleId = field(2).string(id).finish();
  const rawProfile = field(1).uint32(data.byteLength).finish();
  const sampleBytes = rawProfile.byteLength + data.byteLength + sampleId.byteLength;
  const sample = field(2).uint32(sampleBytes).finish();
  const seriesBytes = pairs.byteLength + sample.byteLength + sampleBytes;
  const head = field(1).uint32(seriesBytes).raw(pairs).raw(sample).raw(rawProfile).finish();
  return [head, data, sampleId];
}

function labelPairs(labels: Labels): Uint8Array {
  const writer = new BinaryWriter();
  for (const { name, value } of labels) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name);
    writer.tag(2, WireType.LengthDelimited).string(value).join();
  }
  return writer.finish();
}

function field(number: number): BinaryWriter {
  return new BinaryWriter().tag(number, WireType.LengthDelimited);
}
