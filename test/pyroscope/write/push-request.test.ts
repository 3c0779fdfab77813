import { describe, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { PushRequestSchema } from "../../../src/gen/push/v1/push_pb.ts";
import { labelsOf, type Profile } from "../../../src/model/index.ts";
import { pushRequestBody } from "../../../src/pyroscope/write/push-request.ts";
import { aProfile } from "./profiles.ts";

function generated({ id, labels, data }: Profile): Uint8Array {
  const samples = [{ rawProfile: data, ID: id }];
  const series = [{ labels: labels.map(({ name, value }) => ({ name, value })), samples }];
  return toBinary(PushRequestSchema, create(PushRequestSchema, { series }));
}

describe("the body of a push", () => {
  // Around every length at which a varint grows by a byte.
  const sizes = [1, 30, 60, 127, 128, 129, 16_200, 16_383, 16_384, 2_097_151, 2_097_152];
  test.each(sizes)("is what the generated code writes, for a profile of %d bytes", (bytes) => {
    const profile = { ...aProfile(), data: new Uint8Array(bytes).fill(7) };
    expect(Buffer.concat(pushRequestBody(profile)).equals(generated(profile))).toBe(true);
  });

  test("holds labels of any text and length", () => {
    const labels = labelsOf({ __name__: "memory", "a.b": "ü — 配置 🚀", long: "x".repeat(5000) });
    const profile = { ...aProfile(), labels };
    const body = Buffer.concat(pushRequestBody(profile));
    expect(body.equals(generated(profile))).toBe(true);
    expect(fromBinary(PushRequestSchema, body).series[0]?.labels.map(({ value }) => value)).toEqual(
      labels.map(({ value }) => value),
    );
  });

  test("frames the profile without copying it", () => {
    const profile = aProfile();
    expect(pushRequestBody(profile)[1]).toBe(profile.data);
  });
});
