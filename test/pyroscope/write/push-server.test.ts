import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ProfileSchema } from "../../../src/gen/google/v1/profile_pb.ts";
import { PushRequestSchema } from "../../../src/gen/push/v1/push_pb.ts";
import { connectError, type PushServer, startPushServer } from "../../support/push-server.ts";

const now = Date.UTC(2030, 0, 1);
const nanos = (ms: number): bigint => BigInt(ms) * 1_000_000n;

type ProfileInit = MessageInitShape<typeof ProfileSchema>;
const valid = {
  stringTable: ["", "cpu", "nanoseconds", "main.run", "main.go"],
  sampleType: [{ type: 1n, unit: 2n }],
  sample: [{ locationId: [1n], value: [5n] }],
  location: [{ id: 1n, line: [{ functionId: 1n }] }],
  function: [{ id: 1n, name: 3n, filename: 4n }],
} satisfies ProfileInit;
const series = { __name__: "process_cpu", service_name: "shop" };

function encoded(profile: ProfileInit): Uint8Array {
  return toBinary(ProfileSchema, create(ProfileSchema, profile));
}

function message(rawProfile: Uint8Array, labels: Record<string, string> | [string, string][] = series): Uint8Array {
  const pairs = (Array.isArray(labels) ? labels : Object.entries(labels)).map(([name, value]) => ({ name, value }));
  const request = create(PushRequestSchema, { series: [{ labels: pairs, samples: [{ rawProfile, ID: "id-1" }] }] });
  return toBinary(PushRequestSchema, request);
}

function many(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`l${String(at).padStart(2, "0")}`, "x"]));
}

function samples(count: number): NonNullable<ProfileInit["sample"]> {
  return Array.from({ length: count }, () => ({ locationId: [1n], value: [1n] }));
}

const headers = { "content-type": "application/proto", "connect-protocol-version": "1" };

describe("the push server of the tests", () => {
  let server: PushServer;
  beforeEach(async () => {
    server = await startPushServer({ rules: { now: () => now } });
  });
  afterEach(() => server.close());

  const push = (body: Uint8Array, more: Record<string, string> = {}, path = "/push.v1.PusherService/Push") =>
    fetch(server.url + path, {
      method: "POST",
      headers: { ...headers, ...more },
      body: body as Uint8Array<ArrayBuffer>,
    });

  test("takes a valid profile, gzipped or not, and shows what came", async () => {
    for (const data of [encoded(valid), gzipSync(encoded(valid))]) {
      const response = await push(message(data), { "x-scope-orgid": "squad" });
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/proto"]);
    }
    await server.waitFor(() => server.accepted.length === 2);
    expect(server.accepted[1]).toMatchObject({ id: "id-1", labels: series, totals: { "cpu/nanoseconds": 5n } });
    expect(server.accepted[1]?.headers["x-scope-orgid"]).toBe("squad");
  });

  const strings = (...changed: string[]) => [...valid.stringTable, ...changed];
  const refused: [string, Uint8Array, number, string][] = [
    ["nothing", new Uint8Array(), 400, "no profiles received"],
    ["no message", new Uint8Array([255, 255]), 400, "unmarshal message"],
    ["HTML", message(Buffer.from("<html>")), 500, "failed to decode profile"],
    ["broken gzip", message(gzipSync(encoded(valid)).subarray(0, 20)), 500, "failed to decompress profile"],
    ["a bomb", message(gzipSync(Buffer.alloc(5_000_000))), 400, "exceeds 4194304 bytes"],
    ["an empty profile", message(new Uint8Array()), 400, "no sample types"],
    [
      "a first string",
      message(encoded({ ...valid, stringTable: ["x", "cpu", "ns", "f", "g"] })),
      400,
      "string_table[0]",
    ],
    [
      "a string out of range",
      message(encoded({ ...valid, sampleType: [{ type: 9n, unit: 2n }] })),
      400,
      "out of range",
    ],
    ["a dash in a type", message(encoded({ ...valid, stringTable: ["", "c-u", "ns", "f", "g"] })), 400, 'contains "-"'],
    ["too few values", message(encoded({ ...valid, sample: [{ locationId: [1n] }] })), 400, "0 values for 1"],
    ["a location 0", message(encoded({ ...valid, location: [{ id: 0n }] })), 400, "a location has the id 0"],
    [
      "no such location",
      message(encoded({ ...valid, sample: [{ locationId: [7n], value: [1n] }] })),
      400,
      "location 7",
    ],
    ["no such function", message(encoded({ ...valid, function: [] })), 400, "function 1 does not exist"],
    ["invalid UTF-8", message(new Uint8Array([...encoded(valid), 0x32, 1, 0xff])), 400, "invalid UTF-8"],
    ["too many samples", message(encoded({ ...valid, sample: samples(16_001) })), 400, "16001 samples"],
    ["an old profile", message(encoded({ ...valid, timeNanos: nanos(now - 3_601_000) })), 400, "ingestion window"],
    ["one of tomorrow", message(encoded({ ...valid, timeNanos: nanos(now + 601_000) })), 400, "ingestion window"],
    ["no labels", message(encoded(valid), {}), 400, "service name required"],
    ["no __name__", message(encoded(valid), { service_name: "shop" }), 400, "__name__ is missing"],
    ["a label twice", message(encoded(valid), [["__name__", "a"], ["a", "b"], ["a", "c"]]), 400, "there twice"], // biome-ignore format: a row
    ["unsorted labels", message(encoded(valid), { a: "b", __name__: "cpu" }), 400, "not sorted"],
    ["31 names with service_name", message(encoded(valid), { __name__: "cpu", ...many(29) }), 400, "31 label names"],
    ["a long value", message(encoded(valid), { ...series, z: "x".repeat(2049) }), 400, "too long"],
    ["the server's label", message(encoded(valid), { __name__: "cpu", __type__: "a" }), 400, "server's own"],
    [
      "names in samples above the limit",
      message(
        encoded({
          ...valid,
          stringTable: strings("key"),
          sample: [{ locationId: [1n], value: [1n], label: [{ key: 5n, str: 1n }] }],
        }),
        { __name__: "cpu", ...many(28) },
      ),
      400,
      "31 label names",
    ],
  ];
  test.each(refused)("refuses %s", async (_, body, status, problem) => {
    const response = await push(body);
    const error = (await response.json()) as { code: string; message: string };
    expect([response.status, error.code]).toEqual([status, status === 500 ? "unknown" : "invalid_argument"]);
    expect(error.message).toContain(problem);
    expect(server.accepted).toHaveLength(0);
    expect(server.rejected).toMatchObject([{ status, code: error.code, message: error.message }]);
  });

  test("takes what stands exactly at its limits", async () => {
    for (const body of [
      message(encoded({ ...valid, sample: samples(16_000) })),
      message(encoded({ ...valid, timeNanos: nanos(now - 3_600_000) })),
      message(encoded(valid), { __name__: "cpu", ...many(28) }),
    ])
      expect((await push(body)).status).toBe(200);
  });

  test("refuses another path, another type and another protocol version", async () => {
    expect((await push(message(encoded(valid)), {}, "/ingest")).status).toBe(404);
    expect((await push(message(encoded(valid)), { "content-type": "text/plain" })).status).toBe(415);
    expect((await push(message(encoded(valid)), { "connect-protocol-version": "2" })).status).toBe(400);
  });

  test("with multitenancy refuses a push without a tenant", async () => {
    await using strict = await startPushServer({ multitenancy: true });
    const response = await fetch(`${strict.url}/push.v1.PusherService/Push`, {
      method: "POST",
      headers,
      body: message(encoded(valid)) as Uint8Array<ArrayBuffer>,
    });
    expect([response.status, await response.json()]).toEqual([401, { code: "unauthenticated", message: "no org id" }]);
  });

  test("counts samples with negative values", async () => {
    const sample = [{ locationId: [1n], value: [-1n] }, ...samples(2)];
    await push(message(encoded({ ...valid, sample })));
    expect(server.accepted[0]?.negativeSamples).toBe(1);
  });

  test("follows its script, names what it then refused, and goes back to the rules", async () => {
    server.replyWith(({ number }) => (number === 1 ? 503 : connectError("resource_exhausted", "slow down")));
    expect((await push(message(encoded(valid)))).headers.get("content-type")).toBe("text/html");
    expect(await (await push(message(encoded(valid)))).json()).toEqual({
      code: "resource_exhausted",
      message: "slow down",
    });
    expect(server.rejected).toMatchObject([
      { status: 503, id: "id-1", labels: series },
      { status: 429, id: "id-1", labels: series },
    ]);
    server.replyWith(undefined);
    expect((await push(message(encoded(valid)))).status).toBe(200);
    server.replyWith("reset");
    await expect(push(message(encoded(valid)))).rejects.toThrow();
  });

  test("stalls until it is closed, and tells how many wait", async () => {
    server.replyWith("stall");
    const stalled = push(message(encoded(valid))).catch(() => "cut");
    await server.waitFor(() => server.open.now === 1);
    await server.close();
    expect(await stalled).toBe("cut");
  });

  test("says what it saw where one waits in vain", async () => {
    await expect(server.waitFor(() => server.accepted.length > 3, { timeoutMs: 5 })).rejects.toThrow(
      /Waited 5 ms in vain for .*accepted.length > 3; the push server saw {"requests":0/,
    );
  });
});
