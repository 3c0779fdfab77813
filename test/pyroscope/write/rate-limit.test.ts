import { expect, test } from "bun:test";
import type { PushOutcome } from "../../../src/pyroscope/write/push-outcome.ts";
import { settle } from "../../support/fake-clock.ts";
import { anEndpoint, failure, sent } from "./an-endpoint.ts";

const limited = failure("rate_limited");

/** A server that refuses whatever comes sooner after the last one that it took than the rate allows: nginx' limit_req without burst. */
function anEndpointLimitedTo(perMinute: number, answer: (id: string) => PushOutcome = () => sent) {
  const tookMs: number[] = [];
  const server = anEndpoint(
    ({ id }) => {
      const nowMs = server.clock.monotonic();
      if (nowMs - (tookMs.at(-1) ?? Number.NEGATIVE_INFINITY) < 60_000 / perMinute) return limited;
      const outcome = answer(id);
      if (outcome.outcome === "sent") tookMs.push(nowMs);
      return outcome;
    },
    { queue: { durability: "outage" }, min_backoff_period: "500ms", max_backoff_period: "5m" },
  );
  return { ...server, tookMs };
}

async function scrapeEverySecond(server: ReturnType<typeof anEndpointLimitedTo>, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    server.append(`young ${second} ${server.clock.monotonic()}`);
    await server.clock.advance(1000);
  }
}

test("behind a rate limit that every second request is above, nothing is lost, and half of the limit and more is used", async () => {
  const server = anEndpointLimitedTo(90);
  server.append(...Array.from({ length: 21 }, (_, index) => `old ${index}`));
  await settle();
  await scrapeEverySecond(server, 240);
  const { sentProfiles, droppedProfiles } = server.endpoint.snapshot();
  expect(droppedProfiles).toBe(0);
  expect(sentProfiles).toBeGreaterThan(240 * 0.7);
  await server.stop();
});

test("an endpoint that limits the rate of everything for minutes is slowed down, and not down", async () => {
  const { append, clock, endpoint, log, stop } = anEndpoint(() => limited, {
    min_backoff_period: "500ms",
    max_backoff_period: "5m",
  });
  append(...Array.from({ length: 20 }, (_, index) => `a ${index}`));
  await clock.advance(300_000);
  expect(endpoint.snapshot()).toMatchObject({ state: "unknown", queuedProfiles: 20, droppedProfiles: 0 });
  expect(log.messages("warn")).toEqual(["Push failed, the profile is retried", "Endpoint takes nothing for a while"]);
  await stop();
});

test("under a rate limit below what is scraped hardly anything that waits is counted as refused again and again", async () => {
  const server = anEndpointLimitedTo(30);
  await scrapeEverySecond(server, 900);
  const { sentProfiles, droppedProfiles } = server.endpoint.snapshot();
  // Hardly any: who is refused once a minute for ten of them while others pass.
  expect(droppedProfiles).toBeLessThan(5);
  expect(sentProfiles).toBeGreaterThan(0.5 * 450);
  await server.stop();
});

test("a profile that is above the limit by itself is given up, and does not hold up the others", async () => {
  const server = anEndpointLimitedTo(600, (id) => (id === "vast" ? limited : sent));
  server.append("vast");
  await scrapeEverySecond(server, 1200);
  const { sentProfiles, queuedProfiles, spooledProfiles, dropAdvice } = server.endpoint.snapshot();
  expect(await server.dropped("retries_exhausted")).toBe(1);
  expect(dropAdvice).toStartWith("the limit of the rate turned these profiles away for minutes while others passed");
  expect([sentProfiles, queuedProfiles + spooledProfiles]).toEqual([1200, 0]);
  expect(server.attempts.filter(({ id }) => id === "vast").length).toBeLessThan(300);
  await server.stop();
});

test("a limit that is lifted is noticed", async () => {
  let perMinute = 60;
  const tookMs: number[] = [];
  const server = anEndpoint(() => {
    const nowMs = server.clock.monotonic();
    if (nowMs - (tookMs.at(-1) ?? Number.NEGATIVE_INFINITY) < 60_000 / perMinute) return limited;
    tookMs.push(nowMs);
    return sent;
  });
  server.append(...Array.from({ length: 300 }, (_, index) => `old ${index}`));
  await server.clock.advance(60_000);
  perMinute = Number.POSITIVE_INFINITY;
  await server.clock.advance(60_000);
  expect(server.endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, droppedProfiles: 0 });
  await server.stop();
});

test.each([
  { healthyPerSecond: 5, vastEverySeconds: 15 },
  { healthyPerSecond: 2, vastEverySeconds: 60 },
])(
  "profiles above the limit by themselves, one in $vastEverySeconds s, do not slow $healthyPerSecond others a second down, and are given up",
  async ({ healthyPerSecond, vastEverySeconds }) => {
    const server = anEndpoint(({ id }) => (id.startsWith("vast") ? limited : sent), {
      queue: { durability: "outage" },
      min_backoff_period: "500ms",
      max_backoff_period: "5m",
    });
    await settle();
    const seconds = 1800;
    for (let second = 0; second < seconds; second++) {
      if (second % vastEverySeconds === 0) server.append(`vast ${second}`);
      for (let turn = 0; turn < healthyPerSecond; turn++) {
        server.append(`good ${second} ${turn}`);
        await server.clock.advance(1000 / healthyPerSecond);
      }
    }
    const { sentProfiles } = server.endpoint.snapshot();
    expect(sentProfiles).toBeGreaterThan(seconds * healthyPerSecond - 10 * healthyPerSecond);
    const dropped = await server.dropped("retries_exhausted");
    expect(dropped).toBeGreaterThan(seconds / vastEverySeconds - 960 / vastEverySeconds);
    await server.stop();
  },
);

test("a storm of refusals that ends leaves nothing behind: what waited is sent within a minute", async () => {
  let isStorm = true;
  const server = anEndpoint(() => (isStorm ? limited : sent), {
    queue: { durability: "outage" },
    min_backoff_period: "500ms",
    max_backoff_period: "10s",
  });
  await settle();
  for (let second = 0; second < 240; second++) {
    server.append(`a ${second}`, `b ${second}`, `c ${second}`);
    await server.clock.advance(1000);
  }
  isStorm = false;
  await server.clock.advance(60_000);
  expect(server.endpoint.snapshot()).toMatchObject({ queuedProfiles: 0, spooledProfiles: 0, droppedProfiles: 0 });
  await server.stop();
});
