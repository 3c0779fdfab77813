import { describe, expect, test } from "bun:test";
import type { Clock, Timer } from "../../src/base/index.ts";
import { createHttpClient, type HttpClient } from "../../src/http/index.ts";
import { soak, type SoakOptions } from "../../bench/soak.ts";

// Short; CI runs bench/http-soak.ts for a minute. A process this young still grows, so that its size proves nothing here.
const short: SoakOptions = {
  requests: 300,
  durationMs: 1000,
  timeoutMs: 250,
  concurrency: 64,
  maxGrowthBytes: Number.POSITIVE_INFINITY,
};

describe("soak", () => {
  test("finds nothing that the client leaks when a fifth of its requests time out", async () => {
    const { leaks, timeouts } = await soak(short);
    expect(leaks).toEqual([]);
    expect(timeouts).toBeGreaterThanOrEqual(60);
  });

  test("finds what a careless client leaks", async () => {
    const timers: Timer[] = [];
    const careless = (clock: Clock): HttpClient => {
      const client = createHttpClient({ clock });
      return {
        async request(request) {
          timers.push(clock.after(60_000, () => undefined));
          request.signal.addEventListener("abort", () => undefined);
          try {
            return await client.request(request);
          } finally {
            client.close();
          }
        },
        close: () => undefined,
      };
    };
    const { leaks } = await soak({ ...short, requests: 100, createClient: careless });
    for (const timer of timers) timer.cancel();
    expect(leaks).toContain("100 timers are left");
    expect(leaks).toContain("100 listeners are left on the signal");
    expect(leaks.some((leak) => leak.includes("connections were opened"))).toBe(true);
  });
});
