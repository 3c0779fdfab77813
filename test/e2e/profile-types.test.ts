import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type PushServer, type ReceivedProfile, startPushServer } from "../support/push-server.ts";
import { type Agent, startAgent } from "./agent.ts";
import { type GoTarget, goCommand, startGoTarget, type TargetRequest } from "./go-target.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const interval = `scrape_interval = "2s"
delta_profiling_duration = "1s"
forward_to = ["pyroscope.write.test"]`;

function config({ all, params, server }: { all: GoTarget; params: GoTarget; server: PushServer }): string {
  return `
[pyroscope.scrape.plain]
targets = [{ __address__ = "${all.address}", service_name = "shop", region = "north", __hidden = "x", __meta_zone = "y" }]
${interval}
[pyroscope.scrape.plain.profiling_config.profile]
fgprof.enabled = true
custom.my_type = { enabled = true, path = "/debug/pprof/my_profile" }
custom.my_timed = { enabled = true, path = "/debug/fgprof", delta = true }

[pyroscope.scrape.godeltaprof]
targets = [{ __address__ = "${all.address}" }]
job_name = "deltas"
${interval}
[pyroscope.scrape.godeltaprof.profiling_config.profile]
godeltaprof_memory.enabled = true
godeltaprof_mutex.enabled = true
godeltaprof_block.enabled = true
goroutine.enabled = false
process_cpu.enabled = false

[pyroscope.scrape.own_params]
targets = [{ __address__ = "${params.address}", service_name = "params" }]
${interval}
params = { tag = ["a", "b c"] }
[pyroscope.scrape.own_params.profiling_config.profile]
fgprof.enabled = true

[pyroscope.scrape.own_seconds]
targets = [{ __address__ = "${params.address}", service_name = "seconds", __param_seconds = "3" }]
${interval}
[pyroscope.scrape.own_seconds.profiling_config.profile]
process_cpu.enabled = false
fgprof.enabled = true

[[pyroscope.write.test.endpoint]]
url = "${server.url}"
`;
}

/** Requests of a path, as `path?query`, without repetitions. */
function urls(requests: readonly TargetRequest[], path: string): string[] {
  const found = requests.filter(({ Path }) => Path === path).map(({ Query }) => (Query ? `${path}?${Query}` : path));
  return [...new Set(found)].sort();
}

describe.skipIf(goCommand === undefined)("every profile type of a Go program", () => {
  let all: GoTarget;
  let params: GoTarget;
  let server: PushServer;
  let agent: Agent;
  let work: ReturnType<typeof setInterval>;

  beforeAll(async () => {
    [all, params, server] = await Promise.all([startGoTarget(), startGoTarget(), startPushServer()]);
    // Something to see for every type, in every interval.
    work = setInterval(() => {
      void Promise.all([all.allocate({ bytes: 10_000 }), all.contend(3), all.burn(100)]).catch(() => undefined);
    }, 250);
    agent = await startAgent(config({ all, params, server }));
  });

  afterAll(async () => {
    clearInterval(work);
    await agent?.[Symbol.asyncDispose]();
    await Promise.all([all?.stop(), params?.stop(), server?.close()]);
  });

  const arrived = async (job: string, name: string): Promise<ReceivedProfile> => {
    const find = (): ReceivedProfile | undefined =>
      server.accepted.find(({ labels }) => labels.job === job && labels["__name__"] === name);
    await server.waitFor(() => find() !== undefined, { timeoutMs: 15_000 });
    return find() as ReceivedProfile;
  };

  const plain = { job: "pyroscope.scrape.plain", region: "north", service_name: "shop" };
  const cumulative = { ...plain, __delta__: "false" };
  const godeltaprof = { __delta__: "false", job: "deltas", service_name: "unspecified" };

  test.each([
    ["memory", cumulative, ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"]],
    ["block", cumulative, ["contentions/count", "delay/nanoseconds"]],
    ["mutex", cumulative, ["contentions/count", "delay/nanoseconds"]],
    ["goroutine", plain, ["goroutine/count"]],
    ["process_cpu", plain, ["samples/count", "cpu/nanoseconds"]],
    ["fgprof", plain, ["samples/count", "time/nanoseconds"]],
    ["my_type", plain, ["my_profile/count"]],
    ["my_timed", plain, ["samples/count", "time/nanoseconds"]],
    ["memory", godeltaprof, ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"]],
    ["block", godeltaprof, ["contentions/count", "delay/nanoseconds"]],
    ["mutex", godeltaprof, ["contentions/count", "delay/nanoseconds"]],
  ] as const)("%s arrives with exactly its labels", async (name, labels, columns) => {
    const { labels: sent, totals, headers, profile } = await arrived(labels.job, name);
    expect(Object.entries(sent)).toEqual(
      Object.entries({ ...labels, __name__: name, instance: all.address }).sort(([a], [b]) => (a < b ? -1 : 1)),
    );
    expect(Object.keys(totals)).toEqual([...columns]);
    expect(profile.sample.length).toBeGreaterThan(0);
    expect(headers["content-type"]).toBe("application/proto");
    expect(headers["user-agent"]).toMatch(/^pprof-agent\/\S+/);
  });

  test("seconds goes to the timed types only, once, as delta_profiling_duration says", async () => {
    await arrived(plain.job, "my_timed");
    await arrived(plain.job, "process_cpu");
    const requests = await all.requests();
    expect(urls(requests, "/debug/pprof/profile")).toEqual(["/debug/pprof/profile?seconds=1"]);
    expect(urls(requests, "/debug/fgprof")).toEqual(["/debug/fgprof?seconds=1"]);
    for (const type of [
      "allocs",
      "block",
      "mutex",
      "goroutine",
      "my_profile",
      "delta_heap",
      "delta_block",
      "delta_mutex",
    ])
      expect(urls(requests, `/debug/pprof/${type}`)).toEqual([`/debug/pprof/${type}`]);
  });

  test("the user's params keep all their values and bring no seconds to other types", async () => {
    await arrived("pyroscope.scrape.own_params", "fgprof");
    await arrived("pyroscope.scrape.own_params", "goroutine");
    const requests = (await params.requests()).filter(({ Query }) => Query.includes("tag="));
    expect(urls(requests, "/debug/pprof/goroutine")).toEqual(["/debug/pprof/goroutine?tag=a&tag=b+c"]);
    expect(urls(requests, "/debug/pprof/allocs")).toEqual(["/debug/pprof/allocs?tag=a&tag=b+c"]);
    expect(urls(requests, "/debug/fgprof")).toEqual(["/debug/fgprof?seconds=1&tag=a&tag=b+c"]);
  });

  test("the user's own seconds wins and goes to every type", async () => {
    await arrived("pyroscope.scrape.own_seconds", "fgprof");
    await arrived("pyroscope.scrape.own_seconds", "goroutine");
    const requests = (await params.requests()).filter(({ Query }) => !Query.includes("tag="));
    for (const path of ["/debug/pprof/goroutine", "/debug/pprof/allocs", "/debug/fgprof"])
      expect(urls(requests, path)).toEqual([`${path}?seconds=3`]);
  });

  test("a target that subtracts because of the user's own seconds is not subtracted from again", async () => {
    const targets = (await agent.targets()).filter(({ component }) => component === "pyroscope.scrape.own_seconds");
    const whoByType = Object.fromEntries(targets.map(({ type, delta }) => [type, delta]));
    expect(whoByType).toMatchObject({ memory: "target", block: "target", mutex: "target", fgprof: "none" });
  });

  test("nothing was refused, no sample is negative, and no URL changes from scrape to scrape", async () => {
    await server.waitFor(() => server.accepted.length >= 60, { timeoutMs: 15_000 });
    expect(server.rejected).toEqual([]);
    const negative = server.accepted.filter(({ negativeSamples }) => negativeSamples > 0);
    expect(negative.map(({ labels }) => labels)).toEqual([]);
    const targets = await agent.targets();
    expect(targets.filter(({ health }) => health !== "up")).toEqual([]);
    // 8 of plain (its two fgprof have one URL), 3 of godeltaprof, 6 of own_params, 5 of own_seconds.
    expect(targets.length).toBe(22);
    expect(new Set(targets.map(({ url }) => url)).size).toBe(21);
  });
});
