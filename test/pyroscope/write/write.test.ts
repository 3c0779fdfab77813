import { afterEach, describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import * as v from "valibot";
import type { Component } from "../../../src/component/index.ts";
import { labelsOf } from "../../../src/model/index.ts";
import { type WriteArguments, writeArguments, writeKind } from "../../../src/pyroscope/write/index.ts";
import { testContext } from "../../support/context.ts";
import { createMemoryLog } from "../../support/memory-log.ts";
import { type PushServer, type PushServerOptions, startPushServer } from "../../support/push-server.ts";
import { aProfile } from "./profiles.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).toReversed()) await clean();
});

async function aServer(options?: PushServerOptions): Promise<PushServer> {
  const server = await startPushServer(options);
  cleanups.push(() => server.close());
  return server;
}

function argumentsOf(written: unknown): WriteArguments {
  return v.parse(writeArguments, written);
}

/** An endpoint that retries quickly and keeps nothing on disk, as written in a configuration. */
function endpoint(url: string, more: Readonly<Record<string, unknown>> = {}) {
  const queue = { durability: "memory", ...(more["queue"] as object | undefined) };
  return { url, min_backoff_period: "5ms", max_backoff_period: "10ms", ...more, queue };
}

/** Does not retry within a test. */
const slow = { min_backoff_period: "1m", max_backoff_period: "1m" };

function aWrite(written: unknown) {
  const log = createMemoryLog();
  const context = testContext({ id: "pyroscope.write.test", log });
  const component = writeKind.create(argumentsOf(written), context);
  const { receiver } = component.exports;
  if (!receiver) throw new Error("no receiver");
  const end = new AbortController();
  const ended = component.run(end.signal);
  const stop = async (): Promise<void> => {
    end.abort();
    await ended;
  };
  cleanups.push(stop);
  return { component, receiver, log, context, stop };
}

function secretHeader(value: string) {
  return { headers: { "X-Api-Key": value } };
}

/** Requests of the first endpoint. */
function inFlight(component: Component<WriteArguments>): number | undefined {
  return component.snapshot().endpoints?.[0]?.inFlight;
}

/** Lets everything else run until `predicate` holds; the test's own timeout ends it. */
async function until(predicate: () => boolean): Promise<void> {
  while (!predicate()) await setImmediate();
}

describe("pyroscope.write", () => {
  test("pushes a profile as Pyroscope's protocol and the configuration say", async () => {
    const server = await aServer({ multitenancy: true });
    const headers = { "X-Scope-OrgID": "squad-1", "X-Site": "7" };
    const { receiver } = aWrite({
      external_labels: { env: "staging", pod: "" },
      endpoint: endpoint(`${server.url}/gateway/`, { headers, remote_timeout: "7s" }),
    });
    const labels = {
      __name__: "memory",
      __delta__: "false",
      __address__: "a:1",
      service_name: "shop",
      pod: "x",
      env: "dev",
    };
    const profile = aProfile({ labels, values: [1, 2] });
    await receiver.append(profile);
    await server.waitFor(() => server.accepted.length === 1);
    expect(server.accepted[0]).toMatchObject({
      id: profile.id,
      labels: { __delta__: "false", __name__: "memory", env: "staging", service_name: "shop" },
      totals: { "contentions/count": 3n },
    });
    expect(Buffer.from(server.accepted[0]?.bytes ?? []).equals(profile.data)).toBe(true);
    expect(server.requests[0]).toMatchObject({
      method: "POST",
      path: "/gateway/push.v1.PusherService/Push",
      headers: {
        "content-type": "application/proto",
        "connect-protocol-version": "1",
        "connect-timeout-ms": "7000",
        "user-agent": "pprof-agent/test",
        "x-scope-orgid": "squad-1",
        "x-site": "7",
        "content-length": String(server.requests[0]?.body.byteLength),
      },
    });
    expect(server.requests[0]?.headers).not.toHaveProperty("x-alloy-id");
    expect(server.requests[0]?.headers).not.toHaveProperty("transfer-encoding");
  });

  test("gives every endpoint every profile, and none waits for another", async () => {
    const [good, broken, hanging] = [await aServer(), await aServer(), await aServer()];
    broken.replyWith(500);
    hanging.replyWith("stall");
    const dead = await startPushServer();
    await dead.close();
    const { receiver, component } = aWrite({
      endpoint: [dead, broken, hanging, good].map(({ url }) => endpoint(url, slow)),
    });
    for (let count = 0; count < 20; count++) await receiver.append(aProfile());
    await good.waitFor(() => good.accepted.length === 20);
    await hanging.waitFor(() => hanging.open.now === 8);
    await broken.waitFor(() => broken.counts.rejected >= 8);
    await until(() => component.snapshot().endpoints?.at(-1)?.queuedProfiles === 0);
    expect(component.snapshot().endpoints).toMatchObject([
      { state: "down", queuedProfiles: 20, sentProfiles: 0 },
      { state: "down", queuedProfiles: 20, sentProfiles: 0 },
      { state: "unknown", queuedProfiles: 20, sentProfiles: 0, inFlight: 8 },
      { state: "up", queuedProfiles: 0, sentProfiles: 20, inFlight: 0 },
    ]);
    // So that the end has no request to wait for.
    await hanging.close();
  });

  test("delivers what came during an outage, each profile once", async () => {
    const server = await aServer();
    server.replyWith(({ number }) => (number <= 12 ? 503 : undefined));
    const { receiver, log } = aWrite({ endpoint: endpoint(server.url, { max_backoff_retries: 1 }) });
    const profiles = Array.from({ length: 10 }, () => aProfile());
    for (const profile of profiles) await receiver.append(profile);
    await server.waitFor(() => server.accepted.length === 10);
    expect(server.accepted.map(({ id }) => id).sort()).toEqual(profiles.map(({ id }) => id).sort());
    await until(() => log.messages("info").includes("Endpoint is up again"));
    expect(log.messages("warn")).toEqual(["Push failed, the profile is retried", "Endpoint is down"]);
  });

  test("drops what the server rejects, says why, and delivers the next", async () => {
    const server = await aServer();
    const { receiver, log, component, context } = aWrite({ endpoint: endpoint(server.url, { name: "main" }) });
    const old = aProfile({ timeMs: Date.now() - 7_200_000 });
    await receiver.append(old);
    await receiver.append(aProfile());
    await server.waitFor(() => server.accepted.length === 1);
    expect(server.counts.requests).toBe(2);
    await until(() => component.snapshot().endpoints?.[0]?.droppedProfiles === 1);
    const line = log.lines.find(({ message }) => message === "Profile dropped");
    expect(line?.fields).toMatchObject({ endpoint: "main", reason: "invalid", id: old.id, service_name: "shop" });
    expect(String(line?.fields["err"])).toMatch(/400 invalid_argument ".*outside of the ingestion window"/);
    expect(await context.metrics.text()).toContain(
      'pyroscope_write_dropped_profiles_total{component_id="pyroscope.write.test",endpoint="main",reason="invalid"} 1',
    );
  });

  test("refuses labels that cannot be sent, and counts the profile for every endpoint", async () => {
    const server = await aServer();
    const { receiver, context } = aWrite({ endpoint: endpoint(server.url, { name: "main" }) });
    const profile = { ...aProfile(), labels: labelsOf({ service_name: "shop" }) };
    await expect(receiver.append(profile)).rejects.toMatchObject({ reason: "invalid_labels" });
    expect(await context.metrics.text()).toMatch(/dropped_profiles_total\{.*reason="invalid_labels"\} 1/);
    expect(server.counts.requests).toBe(0);
  });

  test("refuses a profile only where no endpoint has room for it", async () => {
    const server = await aServer();
    const small = endpoint(server.url, { name: "small", queue: { max_memory: "2KiB" } });
    const large = endpoint(server.url, { name: "large" });
    const both = aWrite({ endpoint: [small, large] });
    await both.receiver.append(aProfile({ padding: 5000 }));
    const one = aWrite({ endpoint: [small] });
    await expect(one.receiver.append(aProfile({ padding: 5000 }))).rejects.toMatchObject({
      reason: "larger_than_queue",
    });
    await server.waitFor(() => server.accepted.length === 1);
  });

  test("without an endpoint takes everything, and warns", async () => {
    const { receiver } = aWrite({});
    await receiver.append(aProfile());
    expect(await writeKind.warnings?.("pyroscope.write.x", argumentsOf({}))).toEqual([
      "pyroscope.write.x has no endpoint: the profiles it receives go nowhere",
    ]);
  });

  test.each([
    ["name", { name: "n".repeat(1000) }, "takes 1004 bytes, above the limit of 1000 for what a queue is known by"],
    ["url", { url: `http://h/${"u".repeat(1000)}` }, "takes, with the tenant, 1018 bytes, above the limit of 1000"],
  ])("refuses a %s that is too long to be told on disk", (_, more, problem) => {
    expect(() => argumentsOf({ endpoint: endpoint("http://h", more) })).toThrow(problem);
  });

  test.each([
    [{ max_age: "2h" }, ["queue.max_age is 2h, but servers refuse profiles older than 1h by default"]],
    [{ max_memory: "1KiB" }, ["queue.max_memory is 1KiB: many profiles are larger than that, and would be dropped"]],
    [
      { max_disk: "100KiB", max_memory: "100KiB", durability: "outage" },
      ["queue.max_disk is 100KiB: the least that can be of use is 256KiB"],
    ],
    [
      { max_disk: "1MiB", durability: "always" },
      ["queue.max_disk (1MiB) is below queue.max_memory (16MiB), and is what bounds the queue in an outage"],
    ],
    [{ max_disk: "1MiB", durability: "memory" }, ['queue.max_disk has no effect with durability = "memory"']],
    [{ max_in_flight: 500 }, ["queue.max_in_flight is 500: so many requests at once harm the server; 8 do"]],
    [{}, []],
  ])("warns of a queue of %p", async (queue, warnings) => {
    const args = argumentsOf({ endpoint: endpoint("http://pyroscope:4040", { queue }) });
    expect(await writeKind.warnings?.("pyroscope.write.x", args)).toEqual(
      warnings.map((warning) => `pyroscope.write.x: endpoint "http://pyroscope:4040": ${warning}`),
    );
  });
});

describe("at the end pyroscope.write", () => {
  test("delivers what is queued", async () => {
    const server = await aServer();
    const { receiver, stop } = aWrite({ endpoint: endpoint(server.url, { queue: { max_in_flight: 2 } }) });
    for (let count = 0; count < 30; count++) await receiver.append(aProfile());
    await stop();
    expect(server.accepted).toHaveLength(30);
  });

  test("does not wait for a dead server, and counts what is lost", async () => {
    const dead = await startPushServer();
    await dead.close();
    const { receiver, stop, log, context } = aWrite({
      endpoint: endpoint(dead.url, slow),
    });
    for (let count = 0; count < 3; count++) await receiver.append(aProfile());
    await stop();
    expect(log.lines.at(-1)).toMatchObject({
      message: "Profiles dropped: not delivered in time",
      fields: { reason: "shutdown", profiles: 3 },
    });
    expect(await context.metrics.text()).toMatch(/dropped_profiles_total\{.*reason="shutdown"\} 3/);
    await expect(receiver.append(aProfile())).rejects.toMatchObject({ reason: "shutdown" });
  });
});

describe("new arguments of pyroscope.write", () => {
  test("reach what is queued: URL, headers and labels of a named endpoint", async () => {
    const [before, after] = [await aServer(), await aServer()];
    before.replyWith(503);
    const { component, receiver } = aWrite({ endpoint: endpoint(before.url, { name: "main" }) });
    for (let count = 0; count < 5; count++) await receiver.append(aProfile());
    await before.waitFor(() => before.counts.rejected >= 5);
    component.applyConfig(
      argumentsOf({
        external_labels: { env: "prod" },
        endpoint: endpoint(after.url, { name: "main", headers: { Authorization: "Bearer new" } }),
      }),
    );
    await receiver.append(aProfile());
    await after.waitFor(() => after.accepted.length === 6);
    expect(new Set(after.accepted.map(({ headers }) => headers["authorization"]))).toEqual(new Set(["Bearer new"]));
    expect(after.accepted.filter(({ labels }) => labels["env"] === "prod")).toHaveLength(1);
    expect(component.snapshot().endpoints).toMatchObject([{ name: "main", url: after.url, state: "up" }]);
  });

  test("leave the queue of an endpoint that did not change, and start and end others", async () => {
    const [kept, added, removed] = [await aServer(), await aServer(), await aServer()];
    kept.replyWith(503);
    const { component, receiver } = aWrite({ endpoint: [endpoint(kept.url), endpoint(removed.url)] });
    await receiver.append(aProfile({ id: "one" }));
    await removed.waitFor(() => removed.accepted.length === 1);
    component.applyConfig(argumentsOf({ endpoint: [endpoint(kept.url), endpoint(added.url)] }));
    await receiver.append(aProfile({ id: "two" }));
    kept.replyWith(undefined);
    await kept.waitFor(() => kept.accepted.length === 2);
    await added.waitFor(() => added.accepted.length === 1);
    expect(added.accepted[0]?.id).toBe("two");
    expect(removed.accepted).toHaveLength(1);
    expect(component.snapshot().endpoints?.map(({ url }) => url)).toEqual([kept.url, added.url].map((url) => url));
  });

  test.each<[string, number, Readonly<Record<string, string>>]>([
    ["the pause its server asked for", 429, { "retry-after": "60" }],
    ["its back-off", 503, {}],
  ])("leave an endpoint that did not change all alone: %s", async (_, status, headers) => {
    const server = await aServer();
    server.replyWith({ status, headers });
    const { component, receiver } = aWrite({ endpoint: endpoint(server.url, { ...slow, ...secretHeader("one") }) });
    await receiver.append(aProfile());
    await until(() => component.snapshot().endpoints?.[0]?.lastError !== undefined && !inFlight(component));
    component.applyConfig(
      argumentsOf({
        external_labels: { env: "prod" },
        endpoint: [endpoint(server.url, { ...slow, ...secretHeader("one") }), endpoint("http://127.0.0.1:9", slow)],
      }),
    );
    // A push that may start has started by now.
    expect(inFlight(component)).toBe(0);
    expect(server.counts.requests).toBe(1);
    // Where only a secret changed, it is another configuration.
    component.applyConfig(argumentsOf({ endpoint: endpoint(server.url, { ...slow, ...secretHeader("two") }) }));
    await server.waitFor(() => server.counts.requests === 2);
    expect(server.requests.map(({ headers: got }) => got["x-api-key"])).toEqual(["one", "two"]);
  });

  test("keep the connections of an endpoint that did not change", async () => {
    const server = await aServer();
    const { component, receiver } = aWrite({ endpoint: endpoint(server.url) });
    for (const env of ["a", "b", "c"]) {
      component.applyConfig(argumentsOf({ external_labels: { env }, endpoint: endpoint(server.url) }));
      await receiver.append(aProfile());
      await server.waitFor(() => server.accepted.at(-1)?.labels["env"] === env);
      await until(() => component.snapshot().endpoints?.[0]?.queuedProfiles === 0);
    }
    expect(new Set(server.requests.map(({ clientPort }) => clientPort)).size).toBe(1);
  });

  test("count what an endpoint that left could not deliver", async () => {
    const gone = await startPushServer();
    await gone.close();
    const { component, receiver, log, context } = aWrite({ endpoint: endpoint(gone.url, slow) });
    await receiver.append(aProfile());
    component.applyConfig(argumentsOf({}));
    await until(() => log.messages("warn").includes("Profiles dropped: not delivered in time"));
    expect(await context.metrics.text()).toMatch(/dropped_profiles_total\{.*reason="endpoint_removed"\} 1/);
  });
});
