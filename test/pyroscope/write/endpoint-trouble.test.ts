import { describe, expect, test } from "bun:test";
import { settle } from "../../support/fake-clock.ts";
import { anEndpoint, failure, held, ids, refused, sent, unavailable } from "./an-endpoint.ts";

describe("a profile at fault", () => {
  test("is tried max_backoff_retries times after the first attempt while others pass, then dropped", async () => {
    const { attempts, append, clock, dropped, stop } = anEndpoint(
      ({ id }) => (id === "poison" ? failure("server_error") : sent),
      { max_backoff_retries: 3 },
    );
    append("poison");
    for (let half = 0; half < 20; half++) {
      append(`good ${half}`);
      await clock.advance(500);
    }
    const tried = attempts.filter(({ id }) => id === "poison");
    expect(tried.map(({ atMs }) => atMs)).toEqual([0, 1000, 2000, 3000]);
    expect(await dropped("retries_exhausted")).toBe(1);
    await stop();
  });

  test.each([{ profiles: ["a"] }, { profiles: ["a", "b"] }])(
    "is none as long as no other passes: %o",
    async ({ profiles }) => {
      let up = false;
      const { endpoint, append, clock, stop } = anEndpoint(() => (up ? sent : unavailable), { max_backoff_retries: 3 });
      append(...profiles);
      await clock.advance(45 * 60_000);
      up = true;
      await clock.advance(2000);
      expect(endpoint.snapshot()).toMatchObject({ sentProfiles: profiles.length, droppedProfiles: 0 });
      await stop();
    },
  );

  test("is tried without end where max_backoff_retries is 0", async () => {
    const { attempts, append, clock, stop } = anEndpoint(() => failure("server_error"), { max_backoff_retries: 0 });
    append("a");
    await clock.advance(60_000);
    expect(attempts).toHaveLength(61);
    await stop();
  });

  test("delays no other, and does not take the endpoint down", async () => {
    const { endpoint, attempts, append, clock, dropped, stop } = anEndpoint(
      ({ id }) => (id === "poison" ? failure("server_error") : sent),
      { max_backoff_retries: 5 },
    );
    append("poison", "a");
    for (let second = 0; second < 10; second++) {
      append(`good ${second}`);
      await clock.advance(1000);
    }
    expect(endpoint.snapshot()).toMatchObject({ state: "up", sentProfiles: 11, queuedProfiles: 0 });
    expect(ids(attempts).filter((id) => id === "poison")).toHaveLength(6);
    expect(await dropped("retries_exhausted")).toBe(1);
    await stop();
  });
});

test("a defect of the agent leaves nothing in flight, and is tried no more often than other failures", async () => {
  const { endpoint, attempts, append, clock, stop } = anEndpoint(() => failure("internal"));
  append("a");
  await clock.advance(60_000);
  expect(endpoint.snapshot()).toMatchObject({ inFlight: 0, queuedProfiles: 1, state: "unknown" });
  expect(attempts).toHaveLength(61);
  await stop();
});

describe("an endpoint that is down", () => {
  test("is so after one failure of the transport, and is probed with one request at a time", async () => {
    const { endpoint, attempts, append, clock, stop } = anEndpoint(() => refused);
    append("a");
    await settle();
    append("b", "c", "d");
    await clock.advance(3500);
    expect(endpoint.snapshot().state).toBe("down");
    expect(attempts.map(({ atMs }) => atMs)).toEqual([0, 1000, 2000, 3000]);
    await stop();
  });

  test("is so after several different profiles failed and none passed", async () => {
    const { endpoint, append, clock, stop } = anEndpoint(() => unavailable);
    append("a", "b");
    await clock.advance(5000);
    expect(endpoint.snapshot().state).toBe("unknown");
    append("c");
    await settle();
    expect(endpoint.snapshot().state).toBe("down");
    await stop();
  });

  test.each([refused, unavailable])("loses nothing to retries, however long it lasts: %o", async (answer) => {
    let up = false;
    const server = () => (up ? sent : answer);
    const { endpoint, append, clock, stop } = anEndpoint(server, { max_backoff_retries: 2 });
    append("a", "b", "c", "d", "e");
    await clock.advance(30 * 60_000);
    up = true;
    await clock.advance(2000);
    expect(endpoint.snapshot()).toMatchObject({ state: "up", sentProfiles: 5, droppedProfiles: 0 });
    await stop();
  });

  test("gets everything at once when its probe succeeds", async () => {
    let up = false;
    const { attempts, append, clock, stop } = anEndpoint(() => (up ? sent : refused));
    append("a", "b", "c", "d");
    await clock.advance(2500);
    up = true;
    attempts.length = 0;
    await clock.advance(500);
    expect(attempts.map(({ atMs }) => atMs)).toEqual([3000, 3000, 3000, 3000]);
    await stop();
  });

  test("gets at once, when it is up again, even what was taken to be at fault itself", async () => {
    let up = false;
    const { attempts, append, clock, stop } = anEndpoint(() => (up ? sent : unavailable), { max_backoff_period: "1h" });
    append("a");
    // By now "a" waits for minutes, as if it were at fault itself; its tenth retry is due after 17 minutes at the earliest.
    await clock.advance(10 * 60_000);
    append("b", "c");
    await clock.advance(0);
    up = true;
    attempts.length = 0;
    await clock.advance(2000);
    expect(ids(attempts).sort()).toEqual(["a", "b", "c"]);
    await stop();
  });

  test("pauses longer and longer, and the failures of one round are one failure", async () => {
    const server = held();
    const { attempts, append, clock, stop } = anEndpoint(server.answer, {
      max_backoff_period: "8s",
    });
    append("a", "b", "c", "d", "e", "f", "g", "h");
    await server.release(refused);
    // Eight failures, and yet the first window: 1 to 2 s.
    await clock.advance(2000);
    expect(attempts).toHaveLength(9);
    for (const pauseMs of [4000, 8000, 8000]) {
      await server.release(refused);
      await clock.advance(pauseMs / 2 - 1);
      expect(server.waiting).toHaveLength(0);
      await clock.advance(pauseMs / 2 + 1);
      expect(server.waiting).toHaveLength(1);
    }
    await server.release(sent);
    await server.release(sent);
    await stop();
  });

  test("is logged when it goes down, once an hour, and when it is up again; not at every attempt", async () => {
    let up = false;
    const { append, clock, log, stop } = anEndpoint(() => (up ? sent : refused), {
      queue: { max_age: "24h" },
    });
    append("a");
    await clock.advance(2.5 * 3_600_000);
    up = true;
    await clock.advance(1000);
    expect(log.lines.filter(({ level }) => level !== "debug").map(({ message }) => message)).toEqual([
      "Endpoint is down",
      "Endpoint is still down",
      "Endpoint is still down",
      "Endpoint is up again",
    ]);
    expect(log.lines.at(-1)?.fields).toMatchObject({ endpoint: "main", down_for: "2h30m1s" });
    await stop();
  });

  test("has its queue bounded by age", async () => {
    const { endpoint, append, clock, dropped, stop } = anEndpoint(() => refused, { queue: { max_age: "10s" } });
    append("a", "b");
    await clock.advance(6000);
    append("c");
    await clock.advance(6000);
    expect(endpoint.snapshot()).toMatchObject({ queuedProfiles: 1, droppedProfiles: 2 });
    expect(await dropped("too_old")).toBe(2);
    await stop();
  });
});

describe("an endpoint that limits the rate", () => {
  test("is left alone by all profiles for as long as Retry-After says, and a tenth more at most", async () => {
    let limited = true;
    const answer = () => (limited ? failure("rate_limited", { retryAfterMs: 20_000 }) : sent);
    const { endpoint, attempts, append, clock, stop } = anEndpoint(answer);
    append("a");
    await settle();
    append("b", "c");
    await clock.advance(19_999);
    expect(attempts).toHaveLength(1);
    limited = false;
    await clock.advance(2001);
    expect(endpoint.snapshot()).toMatchObject({ sentProfiles: 3, state: "up" });
    await stop();
  });

  test.each([
    ["with", failure("rate_limited", { retryAfterMs: 20_000 }), 20_000],
    ["without", failure("rate_limited"), 1000],
  ])("%s Retry-After is left alone even if an earlier request succeeds meanwhile", async (_, limited, pauseMs) => {
    const server = held();
    const { attempts, append, clock, stop } = anEndpoint(server.answer);
    append("a", "b");
    await server.release(limited, 1);
    await server.release(sent);
    append("c");
    await clock.advance(pauseMs - 1);
    expect(attempts).toHaveLength(2);
    await clock.advance(pauseMs / 10 + 1);
    expect(attempts).toHaveLength(3);
    await server.release(sent);
    await server.release(sent);
    await stop();
  });

  test("without Retry-After is backed off from by all profiles together", async () => {
    const { attempts, append, clock, stop } = anEndpoint((_, attempt) =>
      attempt === 1 ? failure("rate_limited") : sent,
    );
    append("a");
    await settle();
    append("b");
    await clock.advance(999);
    expect(attempts).toHaveLength(1);
    await clock.advance(1);
    expect(attempts).toHaveLength(3);
    await stop();
  });
});

describe("a server that asks to be left alone", () => {
  const later = { retryAfterMs: 3_600_000 };

  test("because it does not work is down, with its words and until when, in one line", async () => {
    const { endpoint, append, clock, log, stop } = anEndpoint(() => failure("unavailable", later));
    append("a");
    await settle();
    const { state, lastError, pausedSinceMs, pausedUntilMs = 0 } = endpoint.snapshot();
    expect([state, lastError, pausedSinceMs]).toEqual(["down", "failed: unavailable", clock.now()]);
    expect(pausedUntilMs - clock.now()).toBeWithin(500_000, 600_001);
    const warnings = log.lines.filter(({ level }) => level === "warn");
    expect(warnings).toMatchObject([
      { message: "Endpoint is down", fields: { reason: "unavailable", next_attempt: new Date(pausedUntilMs) } },
    ]);
    await stop();
  });

  test("because of a limit is not down, but says so once, with the reason and until when", async () => {
    const { endpoint, attempts, append, clock, log, stop } = anEndpoint(() => failure("rate_limited", later));
    append("a");
    await clock.advance(25 * 60_000);
    expect(attempts.length).toBeGreaterThan(2);
    expect(endpoint.snapshot()).toMatchObject({ state: "unknown", pausedSinceMs: clock.now() - 25 * 60_000 });
    const said = log.lines.filter(({ message }) => message === "Endpoint takes nothing for a while");
    expect(said).toMatchObject([{ level: "warn", fields: { reason: "rate_limited", err: "failed: rate_limited" } }]);
    expect(said[0]?.fields["next_attempt"]).toBeInstanceOf(Date);
    await stop();
  });

  test("is asked at once where somebody reloads the configuration", async () => {
    const { endpoint, attempts, append, clock, stop } = anEndpoint(() => failure("unavailable", later));
    append("a");
    await clock.advance(1000);
    endpoint.tryNow();
    await settle();
    expect(attempts.map(({ atMs }) => atMs)).toEqual([0, 1000]);
    await stop();
  });
});

test.each(["refused", "dns", "unreachable", "timeout"] as const)(
  "an endpoint that is down by %s is probed every half a minute, however long that lasts",
  async (reason) => {
    const { attempts, append, clock, stop } = anEndpoint(() => failure(reason, { fault: "endpoint" }), {
      min_backoff_period: "1s",
      max_backoff_period: "5m",
    });
    append("a");
    await clock.advance(60 * 60_000);
    const pauses = attempts.map(({ atMs }, index) => atMs - (attempts[index - 1]?.atMs ?? 0));
    expect(Math.max(...pauses)).toBeLessThanOrEqual(30_000);
    expect(attempts.length).toBeLessThan(300);
    await stop();
  },
);
