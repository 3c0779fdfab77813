import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import * as v from "valibot";
import { type Clock, systemClock } from "../../../src/base/index.ts";
import type { Component } from "../../../src/component/index.ts";
import type { EndpointStatus } from "../../../src/model/index.ts";
import { createMetrics } from "../../../src/observability/index.ts";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import { type WriteArguments, writeArguments, writeKind } from "../../../src/pyroscope/write/index.ts";
import { createDataDirectory } from "../../../src/storage/index.ts";
import { testContext } from "../../support/context.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { startPushServer } from "../../support/push-server.ts";
import { aProfile } from "./profiles.ts";

const cleanups: (() => Promise<void> | void)[] = [];

/** To be called after each test: ends what the functions below began. */
export async function cleanUp(): Promise<void> {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
}

export async function aServer() {
  const server = await startPushServer();
  cleanups.push(() => server.close());
  return server;
}

export function aDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "pprof-agent-write-"));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "data");
}

/** An endpoint that retries quickly, and without end: one profile alone might be at fault itself. */
export function endpoint(url: string, more: Readonly<Record<string, unknown>> = {}) {
  return { url, max_backoff_retries: 0, min_backoff_period: "5ms", max_backoff_period: "10ms", ...more };
}

export function argumentsOf(endpoints: unknown): WriteArguments {
  return v.parse(writeArguments, { endpoint: endpoints });
}

/** One by which it is looked for a data directory all the time. */
export const impatientClock: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(delayMs === writeLimits.spoolLookMs ? 20 : delayMs, callback),
};

/** A component over real files. */
export function aWrite(path: string, endpoints: unknown, clock = systemClock) {
  const log = createMemoryLog();
  const metrics = createMetrics();
  const storage = createDataDirectory(path, { clock, log, metrics });
  const component = writeKind.create(
    argumentsOf(endpoints),
    testContext({ id: "pyroscope.write.test", clock, log, metrics, storage }),
  );
  const end = new AbortController();
  const ended = component.run(end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await ended;
    await storage.close();
  };
  cleanups.push(stop);
  const append = async (...ids: string[]): Promise<void> => {
    for (const id of ids) await component.exports.receiver?.append(aProfile({ id, timeMs: Date.now() }));
  };
  return { component, log, metrics, append, stop };
}

/** Lets everything else run until `predicate` holds; the test's own timeout ends it. */
export async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) await setImmediate();
}

export function status(component: Component<WriteArguments>, index = 0): EndpointStatus {
  return component.snapshot().endpoints?.[index] as EndpointStatus;
}
