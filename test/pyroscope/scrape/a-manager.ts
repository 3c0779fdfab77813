import { AgentError } from "../../../src/base/index.ts";
import type { HttpClient, HttpRequest, HttpResponse } from "../../../src/http/index.ts";
import { labelsOf, type Profile } from "../../../src/model/index.ts";
import { createMetrics } from "../../../src/observability/index.ts";
import { createBaselineTable } from "../../../src/pyroscope/scrape/baselines.ts";
import { createClockLog } from "../../../src/pyroscope/scrape/clock-log.ts";
import { createCpuSlots } from "../../../src/pyroscope/scrape/cpu-slots.ts";
import { createFailureLog } from "../../../src/pyroscope/scrape/failure-log.ts";
import { Turns } from "../../../src/pyroscope/scrape/in-turns.ts";
import { createScrapeMetrics } from "../../../src/pyroscope/scrape/metrics.ts";
import type { Terms } from "../../../src/pyroscope/scrape/scrape-loop.ts";
import { ScrapeManager } from "../../../src/pyroscope/scrape/scrape-manager.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { parseScrapeArguments } from "./scrape-arguments.ts";

export const ok = (body: Uint8Array): HttpResponse => ({ status: 200, headers: {}, body });

export const answer = (status: number, text: string): HttpResponse => ({
  status,
  headers: {},
  body: new TextEncoder().encode(text),
});

/** Arguments that enable only these types. */
export const only = (...types: string[]) => ({
  profiling_config: {
    profile: Object.fromEntries(
      ["memory", "block", "mutex", "goroutine", "process_cpu"].map((type) => [type, { enabled: types.includes(type) }]),
    ),
  },
});

export type Respond = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** A manager under a clock that the test turns; `respond` stands for the targets. */
export function aManager(
  respond: Respond,
  { clock = new FakeClock(), baselines = createBaselineTable(clock), turns = new Turns(clock) } = {},
) {
  const log = createMemoryLog();
  const clockLog = createMemoryLog();
  const metrics = createMetrics();
  const requests: HttpRequest[] = [];
  const received: Profile[] = [];
  let refuse = false;
  const client: HttpClient = {
    request: async (request) => {
      requests.push(request);
      return respond(request);
    },
    close: () => {},
  };
  const id = "pyroscope.scrape.test";
  const manager = new ScrapeManager({
    componentId: id,
    baselines,
    clock,
    log,
    metrics: createScrapeMetrics(metrics, { prefix: "pyroscope", id }),
    failures: createFailureLog(log, clock),
    clocks: createClockLog(clockLog),
    cpuSlots: createCpuSlots(clock),
    turns,
    headers: {},
  });
  const terms: Terms = {
    client,
    receiver: {
      append: async (profile) => {
        if (refuse) throw new AgentError("refused", "Cannot accept");
        received.push(profile);
      },
    },
    maxBytes: 1_000_000,
  };
  const sync = (addresses: readonly string[], config: Record<string, unknown>): void =>
    manager.sync(
      addresses.map((address) => labelsOf({ __address__: address })),
      { id, args: parseScrapeArguments(config), infersServiceName: true, terms },
    );
  return {
    baselines,
    clock,
    log,
    clockLog,
    metrics,
    manager,
    terms,
    requests,
    received,
    sync,
    refuse: (on: boolean) => (refuse = on),
  };
}
