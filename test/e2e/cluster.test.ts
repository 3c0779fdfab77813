import { expect, setDefaultTimeout, test } from "bun:test";
import { FakeApiServer } from "../cluster/api-server.ts";
import { EtcdServer, etcdProgram } from "../cluster/etcd-server.ts";
import { type ClusterFindings, ClusterWorld } from "../faults/cluster-scenarios.ts";
import { type Agent, startAgent } from "./agent.ts";

// Real agents on a real etcd: what is promised is promised in seconds.
setDefaultTimeout(90_000);

const ttlSeconds = 2;
// What a busy machine may add to every bound.
const slackMs = 1500;
const bounds: Readonly<Record<string, { readonly twiceMs: number; readonly unownedMs: number }>> = {
  join: { twiceMs: 400, unownedMs: 0 },
  "clean leave": { twiceMs: 0, unownedMs: 400 },
  "join again": { twiceMs: 400, unownedMs: 0 },
  killed: { twiceMs: 0, unownedMs: ttlSeconds * 1000 + 1000 },
  "back after that": { twiceMs: 400, unownedMs: 0 },
  "killed and started again at once": { twiceMs: 0, unownedMs: ttlSeconds * 1000 },
  "engine killed for 4 s": { twiceMs: 0, unownedMs: 0 },
  "stopped for 3 s (SIGSTOP)": { twiceMs: 400, unownedMs: ttlSeconds * 1000 + 1000 },
};

test.skipIf(etcdProgram === undefined)(
  "Three agents on one etcd share 60 targets: each has one owner within a bounded time, whatever happens to a member or to etcd",
  async () => {
    await using world = await ClusterWorld.start({ targets: 60, ttlSeconds, outageSeconds: 4, intervalSeconds: 2 });
    const all: ClusterFindings[] = [];
    await world.run((findings) => void all.push(findings));
    expect(all.map(({ name }) => name)).toEqual(Object.keys(bounds));
    for (const { name, twiceMs, unownedMs, moved, minimum, shares } of all) {
      const bound = bounds[name] as { readonly twiceMs: number; readonly unownedMs: number };
      // On a busy machine the start may take longer than the lease lives: then its share goes to the others and comes back.
      const needless =
        name === "killed and started again at once" && unownedMs >= ttlSeconds * 500 ? 0 : moved - minimum;
      expect([name, needless]).toEqual([name, 0]);
      expect([name, twiceMs <= bound.twiceMs + slackMs, unownedMs <= bound.unownedMs + slackMs]).toEqual([
        name,
        true,
        true,
      ]);
      expect([name, Object.values(shares).reduce((sum, share) => sum + share, 0)]).toEqual([name, 60]);
    }
  },
);

test.skipIf(etcdProgram === undefined)("An agent in a cluster shows it, and leaves it when it ends", async () => {
  await using etcd = await EtcdServer.start();
  const configOf = (nodeName: string): string => `
[cluster]
node_name = "${nodeName}"
[cluster.etcd]
endpoints = ["${etcd.url}"]
[pyroscope.scrape.local]
clustering = { enabled = true }
targets = [{ __address__ = "10.255.0.1:1" }, { __address__ = "10.255.0.2:1" }, { __address__ = "10.255.0.3:1" }]
forward_to = []
[pyroscope.scrape.own]
targets = [{ __address__ = "127.0.0.1:1" }]
forward_to = []
`;
  await using first = await startAgent(configOf("first"));
  await using second = await startAgent(configOf("second"));
  await first.child.waitFor(/Targets are shared anew.*members="first second"/);
  const cluster = (await (await second.get("/api/v0/cluster")).json()) as Record<string, unknown>;
  expect(cluster).toMatchObject({
    enabled: true,
    node_name: "second",
    state: "member",
    ttl: "10s",
    on_engine_loss: "keep",
    engine: { name: "etcd", up: true },
    // Without URLs: these agents listen on this machine alone.
    members: [
      { name: "first", started: expect.any(String), self: false },
      { name: "second", started: expect.any(String), self: true },
    ],
    shares: [{ component: "pyroscope.scrape.local", known_targets: 3 }],
  });
  // What is not shared is everybody's.
  const own = (await second.targets()).filter(({ component }) => component === "pyroscope.scrape.own");
  expect(own.length).toBeGreaterThan(0);
  await second.stop();
  await first.child.waitFor(/Targets are shared anew.*members=first\n/);
  expect(new Set((await first.targets()).map(({ url }) => new URL(url).host)).size).toBe(4);
});

test("Agents share their targets by Leases of Kubernetes, and one takes over from another that was killed", async () => {
  await using server = await FakeApiServer.start();
  const configOf = (nodeName: string): string => `
[cluster]
node_name = "${nodeName}"
ttl = "2s"
[cluster.kubernetes]
api_server = "${server.url}"
namespace = "${server.namespace}"
bearer_token = "${server.token}"
[pyroscope.scrape.local]
clustering = { enabled = true }
targets = [{ __address__ = "10.255.0.1:1" }, { __address__ = "10.255.0.2:1" }, { __address__ = "10.255.0.3:1" }]
forward_to = []
`;
  await using first = await startAgent(configOf("first"));
  await using second = await startAgent(configOf("second"));
  await first.child.waitFor(/Targets are shared anew.*members="first second"/);
  const addresses = async (agent: Agent) => new Set((await agent.targets()).map(({ url }) => new URL(url).host));
  const [ofFirst, ofSecond] = [await addresses(first), await addresses(second)];
  expect(ofFirst.size + ofSecond.size).toBe(3);
  await second.child.stop("SIGKILL");
  await first.child.waitFor(/Targets are shared anew.*members=first\n/);
  expect((await addresses(first)).size).toBe(3);
  await first.stop();
  // One left in order, and of the other it is not known.
  expect([...server.leases.keys()]).toEqual(["pprof-agent.second"]);
});
