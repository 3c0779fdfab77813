import { describe, expect, test } from "bun:test";
import { createMetrics } from "../../../src/observability/index.ts";
import { Endpoint } from "../../../src/pyroscope/write/endpoint.ts";
import { writeLimits } from "../../../src/pyroscope/write/limits.ts";
import type { Pusher } from "../../../src/pyroscope/write/pusher.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { anEndpoint, aSpooler, inMemory, failure, held, ids, invalid, refused, sent } from "./an-endpoint.ts";
import { aProfile } from "./profiles.ts";

describe("an endpoint that answers", () => {
  test("gets every profile once, at once", async () => {
    const { endpoint, attempts, append, stop, clock } = anEndpoint(() => sent);
    append("a", "b", "c");
    await settle();
    expect(ids(attempts)).toEqual(["a", "b", "c"]);
    expect(endpoint.snapshot()).toMatchObject({ state: "up", sentProfiles: 3, queuedProfiles: 0, inFlight: 0 });
    await stop();
    expect(clock.pending).toBe(0);
  });

  test("gets at most max_in_flight at once, and the next as soon as one is answered", async () => {
    const server = held();
    const { attempts, append, stop } = anEndpoint(server.answer, { queue: { max_in_flight: 2 } });
    append("a", "b", "c", "d");
    expect(ids(attempts)).toEqual(["a", "b"]);
    await server.release(sent, 1);
    expect(ids(attempts)).toEqual(["a", "b", "c"]);
    await server.release(sent);
    await server.release(sent);
    await stop();
    expect(attempts).toHaveLength(4);
  });

  test("and rejects a profile is up; the profile is dropped with the server's words and not tried again", async () => {
    const { endpoint, attempts, append, stop, clock, log, dropped } = anEndpoint(() => invalid);
    append("a");
    await clock.advance(60_000);
    expect(attempts).toHaveLength(1);
    expect(endpoint.snapshot()).toMatchObject({ state: "up", droppedProfiles: 1, lastError: invalid.message });
    expect(await dropped("invalid")).toBe(1);
    expect(log.lines.find(({ message }) => message === "Profile dropped")?.fields).toMatchObject({
      endpoint: "main",
      reason: "invalid",
      id: "a",
      err: invalid.message,
      profile_type: "mutex",
      service_name: "shop",
    });
    await stop();
  });

  test("and rejects many gets one log line, one that counts the rest half a minute later, and then one in ten minutes", async () => {
    const { append, clock, log, stop } = anEndpoint(() => invalid);
    const said = () =>
      log.lines
        .filter(({ level, message }) => level === "warn" && /rofiles? dropped/.test(message))
        .map(({ fields }) => fields["id"] ?? fields["profiles"]);
    append("a", "b", "c");
    await clock.advance(writeLimits.dropSumMs);
    expect(said()).toEqual(["a", 2]);
    append("d", "e");
    await clock.advance(writeLimits.warningIntervalMs - 1);
    expect(said()).toEqual(["a", 2]);
    await clock.advance(1);
    expect(said()).toEqual(["a", 2, 2]);
    append("f");
    await settle();
    await stop();
    expect(said()).toEqual(["a", 2, 2, 1]);
  });

  test("and rejects one after a long while gets a line for it", async () => {
    const { append, clock, log, stop } = anEndpoint(() => invalid);
    append("a");
    await clock.advance(writeLimits.dropSumMs + writeLimits.warningIntervalMs);
    append("b");
    await settle();
    const lines = log.lines.filter(({ message }) => message === "Profile dropped");
    expect(lines.map(({ fields }) => fields["id"])).toEqual(["a", "b"]);
    await stop();
  });
});

describe("at the end an endpoint", () => {
  test("delivers what is queued before run resolves", async () => {
    const server = held();
    const { endpoint, append, end, ended, clock, spooler } = anEndpoint(server.answer, {
      queue: { max_in_flight: 1 },
    });
    append("a", "b");
    end.abort();
    await server.release(sent);
    await server.release(sent);
    await ended;
    expect(endpoint.snapshot()).toMatchObject({ sentProfiles: 2, droppedProfiles: 0 });
    await spooler.close();
    expect(clock.pending).toBe(0);
  });

  test("that is down gets one more chance at once, and does not wait for another that comes too late", async () => {
    const periods = { min_backoff_period: "1m", max_backoff_period: "1m" };
    const { attempts, append, end, ended, clock, log, dropped } = anEndpoint(() => refused, periods);
    append("a", "b");
    await clock.advance(1000);
    end.abort();
    await ended;
    expect(attempts.map(({ atMs }) => atMs)).toEqual([0, 0, 1000]);
    expect(await dropped("shutdown")).toBe(2);
    expect(log.lines.filter(({ message }) => message.startsWith("Profiles dropped"))).toMatchObject([
      { level: "warn", fields: { reason: "shutdown", profiles: 2 } },
    ]);
  });

  test("is not asked again before its Retry-After has passed", async () => {
    const { attempts, append, end, ended } = anEndpoint(() => failure("rate_limited", { retryAfterMs: 20_000 }));
    append("a");
    await settle();
    end.abort();
    await ended;
    expect(attempts).toHaveLength(1);
  });

  test("is given up after the time to drain, its requests cancelled", async () => {
    const clock = new FakeClock();
    const pusher: Pusher = {
      args: inMemory(),
      name: "main",
      push: (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => resolve(failure("canceled", { fault: "endpoint" })));
        }),
      clockSkewMs: () => undefined,
      close: () => {},
    };
    const log = createMemoryLog();
    const spooler = aSpooler({ clock });
    const endpoint = new Endpoint(pusher, {
      id: "w",
      key: "main",
      spooler,
      clock,
      log,
      metrics: createMetrics(),
    });
    const end = new AbortController();
    const ended = endpoint.run(end.signal, () => "shutdown");
    void endpoint.append(aProfile());
    end.abort();
    await clock.advance(writeLimits.drainMs);
    await ended;
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, droppedProfiles: 1, state: "unknown" });
    await spooler.close();
    expect(clock.pending).toBe(0);
    await expect(endpoint.append(aProfile())).rejects.toMatchObject({ reason: "shutdown" });
  });
});

describe("new arguments", () => {
  test("end a back-off, keep the queue and go through the new pusher", async () => {
    const { endpoint, append, clock, pusherOf, stop } = anEndpoint(() => refused);
    append("a", "b");
    await settle();
    const pushed: string[] = [];
    endpoint.applyPusher({
      ...pusherOf(inMemory()),
      push: (profile) => {
        pushed.push(profile.id);
        return Promise.resolve(sent);
      },
    });
    await clock.advance(0);
    expect(pushed).toEqual(["a", "b"]);
    await stop();
  });

  test("with a smaller queue let the oldest go", async () => {
    const { endpoint, append, pusherOf, dropped, stop } = anEndpoint(() => refused);
    append("a", "b", "c");
    await settle();
    endpoint.applyPusher(pusherOf(inMemory({ queue: { max_memory: "3KB" } })));
    expect(await dropped("queue_full")).toBe(1);
    await stop();
  });
});

test("a profile larger than the queue is refused with its own reason and what to do", async () => {
  const { endpoint, dropped, stop } = anEndpoint(() => sent, { queue: { max_memory: "2KiB" } });
  await expect(endpoint.append(aProfile({ padding: 3000 }))).rejects.toThrow(
    /do not fit into 2KiB; raise queue.max_memory/,
  );
  expect(await dropped("larger_than_queue")).toBe(1);
  await stop();
});

test("a profile that does not fit beside those in flight is refused, and those that wait stay", async () => {
  const server = held();
  const { endpoint, append, dropped, stop } = anEndpoint(server.answer, {
    queue: { max_memory: "6KiB", max_in_flight: 2 },
  });
  append("a", "b", "c");
  await expect(endpoint.append(aProfile({ id: "large", padding: 3000 }))).rejects.toMatchObject({
    reason: "queue_full",
    message: expect.stringMatching(
      /^Cannot queue a profile for endpoint "main": the 4(\.\d)?KiB it occupies do not fit into 6KiB beside the 2.\dKiB in flight; raise queue.max_memory or lower queue.max_in_flight$/,
    ),
  });
  expect(await dropped("queue_full")).toBe(1);
  expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 3, droppedProfiles: 1 });
  await server.release(sent);
  await server.release(sent);
  expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, sentProfiles: 3 });
  await stop();
});

test("the bytes sent and dropped are those of the profiles, by reason", async () => {
  const answers = [sent, sent, invalid];
  const { endpoint, metrics, stop } = anEndpoint((_, attempt) => answers[attempt - 1] ?? refused, {
    queue: { max_memory: "10KiB", max_in_flight: 1 },
  });
  const profiles = [100, 200, 300, 2000, 3000, 4000].map((padding) => aProfile({ padding }));
  for (const profile of profiles) {
    await endpoint.append(profile);
    await settle();
  }
  await expect(endpoint.append(aProfile({ padding: 20_000 }))).rejects.toThrow();
  const giant = aProfile({ padding: 20_000 }).data.byteLength;
  const [first = 0, second = 0, third = 0, fourth = 0, fifth = 0, sixth = 0] = profiles.map(
    ({ data }) => data.byteLength,
  );
  const own = 'component_id="w",endpoint="main"';
  const sizes = async (): Promise<string[]> =>
    (await metrics.text()).split("\n").filter((line) => /^pyroscope_write_(sent|dropped)_bytes_total/.test(line));
  expect(await sizes()).toEqual([
    `pyroscope_write_sent_bytes_total{${own}} ${first + second}`,
    `pyroscope_write_dropped_bytes_total{${own},reason="invalid"} ${third}`,
    `pyroscope_write_dropped_bytes_total{${own},reason="queue_full"} ${fourth}`,
    `pyroscope_write_dropped_bytes_total{${own},reason="larger_than_queue"} ${giant}`,
  ]);
  await stop();
  expect(await sizes()).toContain(`pyroscope_write_dropped_bytes_total{${own},reason="shutdown"} ${fifth + sixth}`);
});

test("the metrics of an endpoint tell what was sent, dropped, retried and waits, and by result what was tried", async () => {
  const answers = [refused, sent, invalid];
  const { append, clock, metrics, stop } = anEndpoint((_, attempt) => answers[attempt - 1] ?? refused);
  append("a");
  await clock.advance(1000);
  append("b");
  await settle();
  append("c");
  await clock.advance(500);
  const own = 'component_id="w",endpoint="main"';
  const text = await metrics.text();
  for (const line of [
    `pyroscope_write_sent_profiles_total{${own}} 1`,
    `pyroscope_write_dropped_profiles_total{${own},reason="invalid"} 1`,
    `pyroscope_write_retries_total{${own}} 1`,
    `pyroscope_write_attempts_total{${own},result="sent"} 1`,
    `pyroscope_write_attempts_total{${own},result="refused"} 2`,
    `pyroscope_write_latency_count{${own}} 4`,
    `pyroscope_write_queue_profiles{${own}} 1`,
    `pyroscope_write_queue_oldest_age_seconds{${own}} 0.5`,
  ])
    expect(text).toContain(`${line}\n`);
  await stop();
  expect(await metrics.text()).not.toContain("pyroscope_write_queue_profiles{");
});
