import { expect, test } from "bun:test";
import { settle } from "../../support/fake-clock.ts";
import { anEndpoint, failure, sent } from "./an-endpoint.ts";

const intervalMs = 15_000;

// The shorter id makes the smaller profile, which is the one that probes prefer.
test.each([
  { good: 4, bad: 1, poison: "bad", sound: "good" },
  { good: 20, bad: 5, poison: "bad", sound: "good" },
  { good: 20, bad: 5, poison: "very bad", sound: "good" },
])("where $bad of $good profiles more are always at fault, the others pass: $poison", async (row) => {
  const { good, bad, poison, sound } = row;
  const server = anEndpoint(({ id }) => (id.startsWith(poison) ? failure("server_error") : sent), {
    queue: { durability: "outage" },
    min_backoff_period: "500ms",
    max_backoff_period: "5m",
  });
  const { clock, endpoint, dropped } = server;
  await settle();
  const rounds = 80;
  const every = (good + bad) / bad;
  for (let round = 0; round < rounds; round++)
    for (let turn = 0; turn < good + bad; turn++) {
      server.append(`${turn % every === 0 ? poison : sound} ${round} ${turn}`);
      await clock.advance(intervalMs / (good + bad));
    }
  // The last may still be under way.
  expect(endpoint.snapshot().sentProfiles).toBeGreaterThan((rounds - 2) * good);
  expect(await dropped("too_old")).toBe(0);
  expect(await dropped("retries_exhausted")).toBeGreaterThan(0);
  await server.stop();
});
