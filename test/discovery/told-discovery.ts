import * as v from "valibot";
import { discoveryKind, type Finder, type Report } from "../../src/discovery/index.ts";
import { type DiscoveryStatus, labelsOf, type Target, type TargetSource } from "../../src/model/index.ts";
import { createMetrics } from "../../src/observability/index.ts";
import { testContext } from "../support/context.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { createMemoryLog } from "../support/memory-log.ts";
import { addressesOf, type MemoryStorage, memoryStorage } from "./running-discovery.ts";

/** A target with this address and these labels. */
export function target(address: string, labels: Readonly<Record<string, string>> = {}): Target {
  return labelsOf({ __address__: address, ...labels });
}

interface Told {
  /** What the finder that runs now reports to. */
  report: Report;
  /** The arguments of every finder that has run, in order. */
  readonly started: string[];
  /** How many have ended. */
  ended: number;
}

/** A component whose finder reports what the test tells it to, on a clock turned by hand. */
export async function discovery({
  memory = memoryStorage(),
  args = "first",
  startMs,
}: {
  readonly memory?: MemoryStorage;
  readonly args?: string;
  readonly startMs?: number;
} = {}) {
  const clock = new FakeClock(startMs);
  const log = createMemoryLog();
  const metrics = createMetrics();
  const told: Told = { report: undefined as unknown as Report, started: [], ended: 0 };
  const find = (given: string): Finder => {
    if (given === "refused") throw new Error("Refused");
    return {
      run: (signal, report) => {
        told.started.push(given);
        told.report = report;
        return new Promise((resolve) =>
          signal.addEventListener("abort", () => {
            told.ended++;
            resolve();
          }),
        );
      },
    };
  };
  const kind = discoveryKind({ name: "discovery.test", summary: "", schema: v.string(), find });
  const context = testContext({ id: "discovery.test.a", clock, log, metrics, storage: memory.storage });
  const component = kind.create(args, context);
  const source = component.exports.targets as TargetSource;
  const published: (readonly string[])[] = [];
  source.subscribe(() => published.push(addressesOf(source.current())));
  const controller = new AbortController();
  const ended = component.run(controller.signal);
  await settle();
  return {
    clock,
    log,
    metrics,
    told,
    component,
    source,
    /** The addresses of every publication. */
    published,
    memory,
    addresses: () => addressesOf(source.current()),
    status: () => component.snapshot().discovery as DiscoveryStatus,
    stop: async () => {
      controller.abort();
      await ended;
    },
  };
}
