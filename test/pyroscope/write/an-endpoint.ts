import type { Profile } from "../../../src/model/index.ts";
import { createMetrics } from "../../../src/observability/index.ts";
import { Endpoint } from "../../../src/pyroscope/write/endpoint.ts";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import type { DropReason, PushOutcome, Rejected, Retryable } from "../../../src/pyroscope/write/push-outcome.ts";
import type { EndpointArguments, Pusher } from "../../../src/pyroscope/write/pusher.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
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

/** An endpoint whose server is `answer`: called for every attempt, with the profile and the number of the attempt of all. */
export function anEndpoint(
  answer: (profile: Profile, attempt: number) => PushOutcome | Promise<PushOutcome>,
  changes = {},
) {
  const clock = new FakeClock();
  const log = createMemoryLog();
  const metrics = createMetrics();
  const attempts: Attempted[] = [];
  const pusherOf = (args: EndpointArguments): Pusher => ({
    args,
    name: "main",
    push: async (profile) => {
      attempts.push({ id: profile.id, atMs: clock.monotonic() });
      return await answer(profile, attempts.length);
    },
    close: () => {},
  });
  const endpoint = new Endpoint(pusherOf(endpointArguments(changes)), { id: "w", clock, log, metrics });
  const end = new AbortController();
  const ended = endpoint.run(end.signal, () => "shutdown");
  const append = (...profileIds: string[]): void => {
    for (const id of profileIds) endpoint.append(aProfile({ id }));
  };
  const stop = async (): Promise<void> => {
    end.abort();
    await clock.advance(writeLimits.drainMs);
    await ended;
  };
  const dropped = async (reason: DropReason): Promise<number> => {
    const pattern = new RegExp(`dropped_profiles_total\\{.*reason="${reason}"\\} (\\d+)`);
    return Number(pattern.exec(await metrics.text())?.[1] ?? 0);
  };
  return { clock, log, metrics, attempts, endpoint, end, ended, append, stop, dropped, pusherOf };
}

/** Answers that come when the test says so. */
export function held() {
  const waiting: ((outcome: PushOutcome) => void)[] = [];
  return {
    waiting,
    answer: () => new Promise<PushOutcome>((resolve) => waiting.push(resolve)),
    async release(outcome: PushOutcome, count = waiting.length) {
      for (const resolve of waiting.splice(0, count)) resolve(outcome);
      await settle();
    },
  };
}

/** The ids of the profiles tried, in order. */
export function ids(attempts: readonly Attempted[]): string[] {
  return attempts.map(({ id }) => id);
}
