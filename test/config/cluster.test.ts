import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import type { ComponentKind } from "../../src/component/index.ts";
import { argument, oneOrMany, table } from "../../src/schema/index.ts";
import { reference } from "../../src/component/index.ts";
import { createScrapeKind, createSharedScrapeState } from "../../src/pyroscope/scrape/index.ts";
import { kinds as agentKinds } from "../../src/kinds.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { kinds, parse, problemsOf } from "./kinds.ts";

const create = (): never => {
  throw new Error("Nothing is started in this test");
};
const finder: ComponentKind = {
  name: "test.local",
  summary: "Finds targets of this machine.",
  schema: table({}),
  exports: "targets",
  nodeLocal: () => "it finds those of its own machine",
  create,
};
const rules: ComponentKind = {
  name: "test.rules",
  summary: "Hands targets on.",
  schema: table({ targets: argument(oneOrMany(reference("targets")), { description: "The targets" }) }),
  exports: "targets",
  create,
};
const scrape = createScrapeKind(createSharedScrapeState(new FakeClock())) as ComponentKind;
const withScrape = { kinds: [scrape, finder, rules, ...kinds.filter(({ name }) => name !== "pyroscope.scrape")] };

function shared(targets: string): string {
  return `[pyroscope.scrape.a]
targets = [${targets}]
forward_to = ["pyroscope.store.kept"]
clustering = { enabled = true }
[pyroscope.store.kept]
[test.local.found]
[test.rules.filtered]
targets = ["test.local.found"]
`;
}

/** Those that are of clusters. */
async function warningsOf(text: string): Promise<readonly string[]> {
  const { warnings } = await parse(text, withScrape);
  return warnings.filter((warning) => !warning.includes("nobody takes the targets"));
}

describe("The table [cluster]", () => {
  test("needs nothing but its name", async () => {
    const { cluster } = await parse("[cluster]");
    expect(cluster).toMatchObject({
      engine: "etcd",
      node_name: hostname().replace(/[^A-Za-z0-9._-]/g, "-"),
      ttl: { ms: 10_000 },
      on_engine_loss: "keep",
      etcd: { endpoints: ["http://127.0.0.1:2379"], prefix: "/pprof-agent/default" },
    });
  });

  test("means the engine whose table stands there", async () => {
    const { cluster } = await parse("[cluster.kubernetes]");
    expect(cluster).toMatchObject({ engine: "kubernetes", kubernetes: { group: "pprof-agent" } });
    expect((await parse('[cluster]\nengine = "etcd"\n[cluster.kubernetes]\n[cluster.etcd]')).cluster?.engine).toBe(
      "etcd",
    );
  });

  test("is absent where the file does not have it", async () => {
    expect(await parse("")).not.toHaveProperty("cluster");
  });

  test("is warned of where no component shares its targets, or one shares what is every machine's own", async () => {
    const nobody = "cluster: no component shares its targets; add clustering = { enabled = true } to those that are to";
    expect(await warningsOf(`[cluster]\n${shared("").replace("enabled = true", "enabled = false")}`)).toEqual([nobody]);
    expect(await warningsOf(`[cluster]\n${shared('{ __address__ = "10.0.0.1:6060" }')}`)).toEqual([]);
    expect(await warningsOf(`[cluster]\n${shared('{ __address__ = "localhost:6060" }')}`)).toEqual([
      'pyroscope.scrape.a: "localhost:6060" is another process on every machine, and one agent of the cluster will scrape its own; move it to a component without clustering',
    ]);
  });

  test("is missed where a component shares its targets without it", async () => {
    expect(await warningsOf(shared('{ __address__ = "localhost:6060" }, "test.rules.filtered"'))).toEqual([
      "pyroscope.scrape.a: clustering changes nothing without a table [cluster]: it scrapes all its targets",
    ]);
  });
});

describe("Sharing the targets of a component that finds those of its own machine", () => {
  const refused =
    'pyroscope.scrape.a.clustering: would leave most targets of "test.local.found" to agents that do not know them, because it finds those of its own machine; remove clustering from "pyroscope.scrape.a", or give it targets that every machine finds';

  test.each(['"test.local.found"', '"test.rules.filtered"', '{ __address__ = "a:1" }, "test.rules.filtered.targets"'])(
    "is refused for %s",
    async (targets) => {
      expect(await problemsOf(`[cluster]\n${shared(targets)}`, withScrape)).toBe(`agent.toml:5:1: ${refused}`);
    },
  );

  const local = [
    ["[discovery.process.found]", "it finds the processes of its own machine"],
    ['[discovery.docker.found]\nhost = "unix:///var/run/docker.sock"', "it finds the containers of its own machine"],
    ['[discovery.docker.found]\nhost = "tcp://127.0.0.1:2375"', "it finds the containers of its own machine"],
    ['[discovery.docker.found]\nhost = "https://localhost:2376"', "it finds the containers of its own machine"],
    ['[discovery.kubernetes.found]\nrole = "pod"\nnode_name = "node-1"', "it finds what is on one node"],
    [
      '[discovery.kubernetes.found]\nrole = "pod"\nselectors = { role = "pod", field = "status.phase=Running,spec.nodeName=node-1" }',
      "it finds what is on one node",
    ],
    ['[discovery.kubernetes.found]\nrole = "pod"', undefined],
    ['[discovery.docker.found]\nhost = "tcp://10.0.0.5:2375"', undefined],
    ['[discovery.dns.found]\nnames = ["_pprof._tcp.example.com"]', undefined],
  ] as const;
  test.each(local)("is refused or not, for %j: %p", async (finding, why) => {
    const id = /\w+\.\w+\.\w+/.exec(finding)?.[0];
    const text = `[cluster]
[pyroscope.scrape.a]
targets = ["${id}"]
forward_to = []
clustering = { enabled = true }
${finding}`;
    const message = await problemsOf(text, { kinds: agentKinds });
    expect(message === "" ? undefined : / because (.*?);/.exec(message)?.[1]).toBe(why);
  });

  test("changes nothing without a cluster, or without clustering", async () => {
    expect(await problemsOf(shared('"test.local.found"'), withScrape)).toBe("");
    const text = `[cluster]\n${shared('"test.local.found"').replace("enabled = true", "enabled = false")}`;
    expect(await problemsOf(text, withScrape)).toBe("");
  });
});
