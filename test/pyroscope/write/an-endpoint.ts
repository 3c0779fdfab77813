import type { Profile } from "../../../src/model/index.ts";
import { createMetrics, type Metrics } from "../../../src/observability/index.ts";
import type { RecordAge } from "../../../src/storage/index.ts";
import { Endpoint } from "../../../src/pyroscope/write/endpoint.ts";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import { toRecord } from "../../../src/pyroscope/write/profile-record.ts";
import { createSpoolMetrics } from "../../../src/pyroscope/write/metrics.ts";
import type { DropReason, PushOutcome, Rejected, Retryable } from "../../../src/pyroscope/write/push-outcome.ts";
import type { EndpointArguments, Pusher, PushOptions } from "../../../src/pyroscope/write/pusher.ts";
import { Spooler } from "../../../src/pyroscope/write/spooler.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { createMemoryLog, type MemoryLog } from "../../support/memory-log.ts";
import { createMemorySpoolLog, type MemorySpoolLog } from "../../support/memory-spool-log.ts";
import { endpointArguments } from "./endpoint-arguments.ts";
import { aProfile } from "./profiles.ts";

export const sent: PushOutcome = { outcome: "sent" };
export const invalid: Rejected = { outcome: "rejected", reason: "invalid", message: 'the server answered 400 "no"' };

/** A retryable outcome; `unclear` whose fault it is unless told. */
export function failure(reason: Retryable["reason"], more: Partial<Retryable> = {}): Retryable {
  return { outcome: "retryable", reason, message: `failed: ${reason}`, fault: "unclear", ...more };
}
export const refused = failure("refused", { fault: "endpoint" });
export const unavailable = failure("unavailable");

export interface Attempted {
  readonly id: string;
  readonly atMs: number;
}

interface Surroundings {
  readonly clock?: FakeClock;
  /** What was on disk before. */
  readonly spool?: MemorySpoolLog;
  readonly key?: string;
  /** The server's clock minus the box's. */
  readonly skewMs?: () => number | undefined;
}

/**
 * An endpoint whose server is `answer`: called for every attempt, with the profile and the number of the attempt of all. It keeps
 * nothing on disk unless `changes` say otherwise.
 */
export function anEndpoint(
  answer: (profile: Profile, attempt: number, options: PushOptions) => PushOutcome | Promise<PushOutcome>,
  changes: Readonly<Record<string, unknown>> = {},
  {
    clock = new FakeClock(),
    spool = createMemorySpoolLog(clock),
    key = "main",
    skewMs = () => undefined,
  }: Surroundings = {},
) {
  const log = createMemoryLog();
  const metrics = createMetrics();
  const attempts: Attempted[] = [];
  const pusherOf = (args: EndpointArguments): Pusher => ({
    args,
    name: "main",
    push: async (profile, options) => {
      attempts.push({ id: profile.id, atMs: clock.monotonic() });
      return await answer(profile, attempts.length, options);
    },
    clockSkewMs: skewMs,
    close: () => {},
  });
  const spooler = aSpooler({ clock, log, metrics, spool });
  const endpoint = new Endpoint(pusherOf(inMemory(changes)), { id: "w", key, spooler, clock, log, metrics });
  spool.applyOptions({
    maxBytes: 1024 ** 3,
    onLost: (lost) => void (spooler.lost(lost) || endpoint.lost(lost)),
    onTidied: (problem) => spooler.tidied(problem),
  });
  const end = new AbortController();
  const ended = endpoint.run(end.signal, () => "shutdown");
  const append = (...profileIds: string[]): void => {
    for (const id of profileIds) void endpoint.append(aProfile({ id }));
  };
  const stop = async (): Promise<void> => {
    end.abort();
    await clock.advance(writeLimits.drainMs);
    await ended;
    await spooler.close();
  };
  const dropped = async (reason: DropReason): Promise<number> => {
    const pattern = new RegExp(`dropped_profiles_total\\{.*reason="${reason}"\\} (\\d+)`);
    return Number(pattern.exec(await metrics.text())?.[1] ?? 0);
  };
  return { clock, log, metrics, spool, spooler, attempts, endpoint, end, ended, append, stop, dropped, pusherOf };
}

/** Arguments of an endpoint that keeps its queue in memory unless they say otherwise. */
export function inMemory(changes: Readonly<Record<string, unknown>> = {}): EndpointArguments {
  const queue = { durability: "memory", ...(changes["queue"] as object | undefined) };
  return endpointArguments({ ...changes, queue });
}

interface SpoolerParts {
  readonly clock: FakeClock;
  readonly log?: MemoryLog;
  readonly metrics?: Metrics;
  readonly spool?: MemorySpoolLog;
}

/** A spooler over a log in memory, about to open it. */
export function aSpooler(parts: SpoolerParts): Spooler {
  const { clock, log = createMemoryLog(), metrics = createMetrics(), spool = createMemorySpoolLog(clock) } = parts;
  const spooler = new Spooler({
    clock,
    log,
    metrics: createSpoolMetrics(metrics, { component_id: "w" }),
    spoolLog: () => spool,
    needed: () => true,
  });
  void spooler.open();
  return spooler;
}

/** A log in which an earlier process left records of "main". */
export function leftBehind(...ages: RecordAge[]) {
  const clock = new FakeClock();
  const spool = createMemorySpoolLog(clock);
  for (const [index, age] of ages.entries())
    spool.leave(toRecord(aProfile({ id: `left ${index + 1}` })), { owners: ["main"], age });
  return { clock, spool };
}

/** Answers that come when the test says so. */
export function held() {
  const waiting: ((outcome: PushOutcome) => void)[] = [];
  return {
    waiting,
    answer: () => new Promise<PushOutcome>((resolve) => waiting.push(resolve)),
    release: async (outcome: PushOutcome, count = waiting.length) => {
      for (const resolve of waiting.splice(0, count)) resolve(outcome);
      await settle();
    },
  };
}

/** The ids of the profiles tried, in order. */
export function ids(attempts: readonly Attempted[]): string[] {
  return attempts.map(({ id }) => id);
}
