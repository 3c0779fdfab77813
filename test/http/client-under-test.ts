import { afterAll, afterEach, beforeAll, beforeEach, expect } from "bun:test";
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";
import { createHttpClient, type HttpClient, type HttpRequest, type HttpResponse } from "../../src/http/index.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { type HostileServer, startHostileServer } from "../support/hostile-server.ts";

/** What the tests of a file share; the fields are set anew before each test, the server before the first. */
export interface ClientUnderTest {
  client: HttpClient;
  /** The client's. Stands still unless a test turns it, so that nothing passes by timing out. */
  clock: FakeClock;
  server: HostileServer;
  /** Gets a URL, or a path of the server. */
  get(url: string, options?: Partial<HttpRequest>): Promise<HttpResponse>;
}

/** A client for each test, a hostile server for all, and a check that no deadline outlives its request. */
export function clientUnderTest(): ClientUnderTest {
  const never = new AbortController().signal;
  const it = {
    get(url, options) {
      const whole = url.startsWith("/") ? it.server.url + url : url;
      const usual = { method: "GET", maxBytes: 1_000_000, timeoutMs: 10_000, signal: never } as const;
      return it.client.request({ ...usual, url: whole, ...options });
    },
  } as ClientUnderTest;
  beforeAll(async () => {
    it.server = await startHostileServer();
  });
  afterAll(() => it.server.close());
  beforeEach(() => {
    it.clock = new FakeClock();
    it.client = createHttpClient({ clock: it.clock });
  });
  afterEach(() => {
    it.client.close();
    expect(it.clock.pending, "no deadline outlives its request").toBe(0);
  });
  return it;
}

/** What a request fails with; the port in the message is replaced, because it is another one each time. */
export async function failure(request: Promise<unknown>): Promise<{ reason: string; message: string }> {
  const error = await request.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error, "the request fails").toBeInstanceOf(Error);
  const { reason, message } = error as { reason: string; message: string };
  return { reason, message: message.replace(/:\d{4,5}\b/g, ":PORT") };
}

/** Listens on a free port until the returned function is called. */
export async function listen(server: Server, host = "127.0.0.1"): Promise<{ port: number; close: () => void }> {
  server.listen(0, host);
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

/** Resolves once `condition` holds; for what is sure to come. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

export const text = (body: Uint8Array): string => Buffer.from(body).toString();
