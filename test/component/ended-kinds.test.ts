import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { systemClock } from "../../src/base/index.ts";
import { createKinds } from "../../src/kinds.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { createDataDirectory } from "../../src/storage/index.ts";
import { testContext } from "../support/context.ts";
import { createMemoryLog } from "../support/memory-log.ts";

const directory = mkdtempSync(join(tmpdir(), "ended-kinds-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const scraped = {
  targets: [{ __address__: "127.0.0.1:9" }],
  forward_to: ["pyroscope.write.a"],
};

const args: Readonly<Record<string, unknown>> = {
  "pyroscope.scrape": scraped,
  "phlare.scrape": scraped,
  "pyroscope.write": { endpoint: { url: "http://127.0.0.1:9" } },
  "discovery.relabel": { targets: [] },
  "discovery.http": { url: "http://127.0.0.1:9/" },
  "discovery.file": { files: [join(directory, "*.json")] },
  "discovery.dns": { names: ["pprof.invalid"] },
  "discovery.docker": { host: "tcp://127.0.0.1:9" },
  "discovery.dockerswarm": { host: "tcp://127.0.0.1:9", role: "tasks" },
  "discovery.kubernetes": { role: "pod", api_server: "http://127.0.0.1:9" },
};

// As one runs that was stopped before its turn came.
test.each(createKinds(systemClock).map((kind) => [kind.name, kind] as const))(
  "a %s that is told to end before it runs ends at once",
  async (name, kind) => {
    const log = createMemoryLog();
    const storage = createDataDirectory(join(directory, name), { clock: systemClock, log, metrics: createMetrics() });
    const receivers = new Map([["pyroscope.write.a", { append: async () => {} }]]);
    const component = kind.create(v.parse(kind.schema, args[name] ?? {}), testContext({ log, receivers, storage }));
    const startMs = systemClock.monotonic();
    await component.run(AbortSignal.abort());
    expect(systemClock.monotonic() - startMs).toBeLessThan(2000);
    await storage.close();
    expect([log.messages("warn"), log.messages("error")]).toEqual([[], []]);
  },
);
