import type { ComponentSnapshot } from "../../src/component/index.ts";
import { createMetrics } from "../../src/observability/index.ts";
import type { SelfProfile } from "../../src/selfprofile/index.ts";
import { type AppOptions, createApp, type Peer } from "../../src/server/index.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { nowMs } from "./snapshots.ts";

const noProfile: SelfProfile = {
  cpu: () => Promise.reject(new Error("No CPU profile in this test")),
  heap: () => Promise.reject(new Error("No memory profile in this test")),
};

/** The app over these components; `get` asks it without a socket. */
export function testApp(components: readonly ComponentSnapshot[], given: Partial<AppOptions> = {}) {
  const log = createMemoryLog();
  const app = createApp({
    components: () => components,
    leftComponents: () => [],
    storage: () => ({ path: "data", problem: undefined }),
    cluster: () => undefined,
    ready: () => true,
    stopping: () => false,
    config: () => ({ hash: "0123456789abcdef", generation: 1, loadedMs: nowMs, needsRestart: [] }),
    reload: () => Promise.reject(new Error("No reload in this test")),
    token: () => Promise.resolve(undefined),
    build: { version: "0.1.0", runtime: "bun 1.4.5" },
    metrics: createMetrics(),
    selfProfile: noProfile,
    clock: new FakeClock(nowMs),
    log,
    ...given,
  });
  return {
    log,
    fetch: (request: Request, peer?: Peer) => app.fetch(request, peer),
    get: async (path: string, init?: RequestInit): Promise<Response> =>
      app.fetch(new Request(new URL(path, "http://127.0.0.1:12345"), init)),
  };
}
