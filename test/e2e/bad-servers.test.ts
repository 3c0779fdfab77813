import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { connectError, htmlPage, type PushServer, type Script, startPushServer } from "../support/push-server.ts";
import { type Agent, startAgent } from "./agent.ts";
import { type RecordedTarget, startRecordedTarget } from "./recorded-target.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const scripts: Readonly<Record<string, Script | undefined>> = {
  good: undefined,
  "400": connectError("invalid_argument", "label name is invalid"),
  "401": connectError("unauthenticated", "no org id"),
  "413": htmlPage(413),
  // Leaves the agent alone for two seconds, then takes everything.
  "429": ({ number }) =>
    number === 1 ? connectError("resource_exhausted", "too fast", { headers: { "retry-after": "2" } }) : undefined,
  "500": ({ number }) => (number <= 3 ? connectError("unknown", "at least 1 live replica required") : undefined),
  "html page": { status: 200, headers: { "content-type": "text/html" }, body: "<html>Sign in</html>" },
  stall: "stall",
  reset: "reset",
};

describe("a server that misbehaves", () => {
  const servers = new Map<string, PushServer>();
  let target: RecordedTarget;
  let agent: Agent;

  beforeAll(async () => {
    target = await startRecordedTarget();
    for (const [name, script] of Object.entries(scripts)) {
      const server = await startPushServer({ rules: { maxAgeMs: Number.POSITIVE_INFINITY } });
      server.replyWith(script);
      servers.set(name, server);
    }
    const urls = [
      ...[...servers].map(([name, { url }]) => [name, url]),
      ["refused", `http://127.0.0.1:${await freePort()}`],
    ];
    const endpoints = urls.map(
      ([name, url]) => `
[[pyroscope.write.test.endpoint]]
name = "${name}"
url = "${url}"
remote_timeout = "1s"
min_backoff_period = "100ms"
max_backoff_period = "500ms"
`,
    );
    agent = await startAgent(`
[pyroscope.scrape.test]
targets = [{ __address__ = "127.0.0.1:${target.port}", service_name = "shop" }]
forward_to = ["pyroscope.write.test"]
scrape_interval = "1s"
[pyroscope.scrape.test.profiling_config.profile]
block.enabled = false
mutex.enabled = false
process_cpu.enabled = false
${endpoints.join("")}`);
    // Long enough for every endpoint to have been tried, refused and tried again.
    await server("good").waitFor(() => server("good").accepted.length >= 10, { timeoutMs: 15_000 });
  });

  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await Promise.all([target?.close(), ...[...servers.values()].map((one) => one.close())]);
  });

  const server = (name: string): PushServer => servers.get(name) as PushServer;
  const endpoint = async (name: string) => {
    const found = (await agent.endpoints("pyroscope.write.test")).get(name);
    if (!found) throw new Error(`No endpoint "${name}"`);
    return found;
  };

  test.each([
    ["400", "invalid", /400 invalid_argument "label name is invalid"/],
    ["413", "too_large", /413.*client_max_body_size/],
  ])("%s drops the profile as %s", async (name, reason, words) => {
    const { state, sent_profiles, dropped_profiles, last_error, queued_profiles } = await endpoint(name);
    expect({ state, sent_profiles }).toMatchObject({ sent_profiles: 0 });
    expect(state).not.toBe("down");
    expect(dropped_profiles).toBeGreaterThanOrEqual(8);
    expect(queued_profiles).toBeLessThanOrEqual(2);
    expect(last_error).toMatch(words);
    expect(
      await agent.metric("pyroscope_write_dropped_profiles_total", { endpoint: name, reason }),
    ).toBeGreaterThanOrEqual(dropped_profiles);
  });

  test.each([
    ["401", /401 unauthenticated "no org id".*authentication/],
    ["html page", /"Sign in".*something else answers/],
    ["stall", /1s/],
    ["reset", /127\.0\.0\.1:\d+/],
    ["refused", /127\.0\.0\.1:\d+/],
  ])("%s leaves the endpoint down and its profiles queued", async (name, words) => {
    const { state, sent_profiles, dropped_profiles, last_error, ...waiting } = await endpoint(name);
    expect({ state, sent_profiles, dropped_profiles }).toEqual({
      state: "down",
      sent_profiles: 0,
      dropped_profiles: 0,
    });
    expect(waiting.queued_profiles + waiting.spooled_profiles).toBeGreaterThanOrEqual(8);
    expect(last_error).toMatch(words);
    expect(await agent.metric("pyroscope_write_retries_total", { endpoint: name })).toBeGreaterThan(0);
  });

  test("429 is left alone as long as Retry-After says, then gets everything", async () => {
    const times = server("429").requests.map(
      ({ receivedMs }) => receivedMs - (server("429").requests[0]?.receivedMs ?? 0),
    );
    // A request that was on its way when the answer came does not count; on a busy machine it may take its time.
    expect(times.filter((ms) => ms > 500 && ms < 1950)).toEqual([]);
    await expectEverything("429");
  });

  test("500 is tried again and gets everything", async () => {
    expect(server("500").rejected.length).toBe(3);
    await expectEverything("500");
  });

  test("does not keep another endpoint waiting", async () => {
    const { state, sent_profiles, dropped_profiles } = await endpoint("good");
    expect({ state, dropped_profiles }).toEqual({ state: "up", dropped_profiles: 0 });
    expect(sent_profiles).toBeGreaterThanOrEqual(10);
    expect(server("good").rejected).toEqual([]);
    // On a busy machine one may be skipped by itself; who waited for an endpoint would skip most.
    expect(await agent.metric("pyroscope_scrape_skipped_total")).toBeLessThan(sent_profiles / 5);
  });

  async function expectEverything(name: string): Promise<void> {
    const ids = new Set(server("good").accepted.map(({ id }) => id));
    await eventually(`"${name}" has what "good" has`, () => {
      const got = new Set(server(name).accepted.map(({ id }) => id));
      return [...ids].every((id) => got.has(id)) || undefined;
    });
    expect((await endpoint(name)).dropped_profiles).toBe(0);
  }
});
