import { afterAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, deflateSync, gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { AgentError } from "../../../src/base/index.ts";
import { createHttpClient } from "../../../src/http/index.ts";
import type { Profile } from "../../../src/model/index.ts";
import { validate } from "../../../src/pprof/index.ts";
import { fetchProfile } from "../../../src/pyroscope/scrape/fetch-profile.ts";
import { createScrapeKind, createSharedScrapeState } from "../../../src/pyroscope/scrape/index.ts";
import { testContext } from "../../support/context.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { rawRecording, recording } from "../../support/recordings.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

const raw = rawRecording("mutex", 1);
const gzipped = recording("mutex", 1);
const lz4 = new Uint8Array(readFileSync(new URL("../../fixtures/lz4/mutex.1.pb.lz4", import.meta.url)));

/** What a target may answer, by path. */
const answers: Readonly<Record<string, readonly [body: Uint8Array, contentEncoding?: string]>> = {
  "/raw": [raw],
  "/gzip": [gzipped],
  "/lz4": [lz4],
  "/zstd": [zstdCompressSync(raw)],
  "/zstd-on-gzip": [zstdCompressSync(gzipped), "zstd"],
  "/gzip-on-gzip": [gzipSync(gzipped), "gzip"],
  "/gzip-on-raw": [gzipSync(raw), "gzip"],
  "/gzip-declared-only": [gzipped, "gzip"],
  "/br-on-gzip": [brotliCompressSync(gzipped), "br"],
  "/br-on-raw": [brotliCompressSync(raw), "br"],
  "/deflate-on-raw": [deflateSync(raw), "deflate"],
  "/gzip-on-lz4": [gzipSync(lz4), "gzip"],
  "/page": [Buffer.from("<html>Log in")],
  "/sz": [Uint8Array.of(0xff, 6, 0, 0, 0x73), "x-snappy-framed"],
};
const isProfile = (path: string): boolean => path !== "/sz" && path !== "/page";
const server = createServer((request, response) => {
  const [body, contentEncoding] = answers[request.url ?? ""] ?? [];
  if (contentEncoding) response.setHeader("Content-Encoding", contentEncoding);
  response.statusCode = body ? 200 : 404;
  if (request.url === "/moved") response.writeHead(302, { Location: "/page" });
  response.end(body);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
const client = createHttpClient();
afterAll(async () => {
  client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const fetchFrom = (path: string, maxBytes = 1_000_000) =>
  fetchProfile(`http://${address}${path}`, {
    client,
    headers: {},
    maxBytes,
    timeoutMs: 5000,
    seconds: undefined,
    signal: new AbortController().signal,
  });
const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(b);

describe("fetchProfile", () => {
  test.each(Object.keys(answers).filter(isProfile))("reads the profile from %s", async (path) => {
    expect(equal((await fetchFrom(path)).raw, raw)).toBe(true);
  });

  test("hands on gzip as the target made it, whatever was put on top", async () => {
    for (const path of ["/gzip", "/gzip-on-gzip", "/gzip-declared-only", "/zstd-on-gzip", "/br-on-gzip"]) {
      const { sendable } = await fetchFrom(path);
      expect([path, sendable && equal(sendable, gzipped)]).toEqual([path, true]);
    }
    expect((await fetchFrom("/gzip-on-raw")).sendable).toEqual(Uint8Array.from(gzipSync(raw)));
  });

  test("hands on nothing that a server does not read", async () => {
    for (const path of ["/lz4", "/zstd", "/br-on-raw", "/deflate-on-raw", "/gzip-on-lz4"])
      expect([path, (await fetchFrom(path)).sendable]).toEqual([path, undefined]);
  });

  test("counts what came over the wire", async () => {
    expect((await fetchFrom("/gzip-on-gzip")).receivedBytes).toBe(gzipSync(gzipped).length);
  });

  test("names where a redirect has led that gives no profile", async () => {
    const thrown = (await fetchFrom("/moved").catch((caught: unknown) => caught)) as AgentError;
    expect(thrown.reason).toBe("not_pprof");
    expect(thrown.message).toStartWith(`The target redirects to "http://${address}/page": Cannot read the profile: `);
  });

  test("names an encoding that it cannot undo", async () => {
    const thrown = (await fetchFrom("/sz").catch((caught: unknown) => caught)) as AgentError;
    expect(thrown.reason).toBe("not_pprof");
    expect(thrown.message).toContain('under the Content-Encoding "x-snappy-framed"');
  });

  test("holds the profile to its limit however it is packed", async () => {
    for (const path of Object.keys(answers).filter(isProfile)) {
      const thrown = (await fetchFrom(path, raw.length - 1).catch((caught: unknown) => caught)) as AgentError;
      expect([path, thrown.reason]).toEqual([path, "too_large"]);
    }
  });
});

/** Turns the clock until `done`, and lets the network do its part in between. */
async function turn(clock: FakeClock, done: () => boolean): Promise<void> {
  for (let step = 0; step < 3000 && !done(); step++) {
    await clock.advance(100);
    await settle();
  }
  expect(done()).toBe(true);
}

describe("a scrape", () => {
  test("hands its receiver gzip of the profile, however the target packed it", async () => {
    const paths = Object.keys(answers).filter((path) => isProfile(path) && path !== "/raw");
    const received = new Map<string, Profile>();
    const clock = new FakeClock();
    const config = {
      targets: [{ __address__: address }],
      forward_to: ["pyroscope.write.test"],
      profiling_config: {
        profile: {
          ...Object.fromEntries(
            ["memory", "block", "mutex", "goroutine", "process_cpu"].map((type) => [type, { enabled: false }]),
          ),
          custom: Object.fromEntries(
            paths.map((path) => [path.slice(1).replaceAll("-", "_"), { enabled: true, path, delta: false }]),
          ),
        },
      },
    };
    const receivers = new Map([
      [
        "pyroscope.write.test",
        { append: async (profile: Profile) => void received.set(JSON.stringify([...profile.labels]), profile) },
      ],
    ]);
    const context = testContext({ id: "pyroscope.scrape.test", clock, receivers });
    const kind = createScrapeKind(createSharedScrapeState(clock));
    const component = kind.create(parseScrapeArguments(config), context);
    const stop = new AbortController();
    const running = component.run(stop.signal);
    await turn(clock, () => received.size === paths.length);
    stop.abort();
    await running;
    for (const { data } of received.values()) {
      expect(equal(gunzipSync(data), raw)).toBe(true);
      expect(validate(gunzipSync(data)).samples).toBeGreaterThan(0);
    }
  });
});
