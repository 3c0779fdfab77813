import { describe, expect, test } from "bun:test";
import { readStatus } from "../../src/cli/status-document.ts";
import { problemsOf } from "../../src/cli/status-judgement.ts";
import { formatStatus } from "../../src/cli/status-report.ts";
import type { ComponentSnapshot } from "../../src/component/index.ts";
import type { ClusterStatus, DiscoveryStatus } from "../../src/model/index.ts";
import { testApp } from "../server/app.ts";
import { cluster, component, nowMs, target } from "../server/snapshots.ts";

/** What the command makes of an agent in this state; it ends with 1 where there are problems. */
async function judged(components: readonly ComponentSnapshot[], status?: ClusterStatus) {
  const answer = await testApp(components, { cluster: () => status }).get("/api/v0/status");
  const document = readStatus(await answer.json());
  if (!document) throw new Error("The command does not understand the answer");
  const problems = problemsOf(document, undefined);
  return { problems, text: formatStatus({ url: "http://127.0.0.1:12345", status: document, problems }) };
}

function scraping(debugInfo: ComponentSnapshot["debugInfo"]): ComponentSnapshot {
  return component({ id: "pyroscope.scrape.a", debugInfo: { targets: [], ...debugInfo } });
}

function finding(id: string, given: Partial<DiscoveryStatus>): ComponentSnapshot {
  return component({ id, debugInfo: { discovery: { targets: 0, sources: 1, shownSources: [], ...given } } });
}

const share = { knownTargets: 300, ownedTargets: 104 };
const well = [scraping({ share, targets: [target("a:1")] })];

describe("agent status of an agent in a cluster", () => {
  test("shows state, engine, members and share, which are well", async () => {
    const { problems, text } = await judged(well, cluster());
    expect(problems).toEqual([]);
    expect(text).toContain(`Cluster: "edge-1" is a member, etcd is up, 2 members: edge-1, edge-2
  pyroscope.scrape.a: 104 of 300 targets are its own
`);
  });

  const lastError = 'Cannot connect to "127.0.0.1:2379": connection refused; check that the process runs';
  const lost = { engineUp: false, lastAnswerMs: nowMs - 180_000, lastError, lastErrorMs: nowMs };
  const reach = "see that etcd runs and is reached at what [cluster.etcd] says";
  const unwell: readonly (readonly [string, Partial<ClusterStatus>, string])[] = [
    ["an engine that is down", lost, reach],
    ["a share of before", { ...lost, state: "kept", problem: "Kept" }, reach],
    ["every target for want of an engine", { ...lost, state: "alone", problem: "Alone" }, reach],
    [
      "an engine that refuses",
      { ...lost, lastError: "etcd answered 401; set cluster.etcd.basic_auth" },
      "set cluster.etcd.basic_auth",
    ],
    [
      "no target for want of an engine",
      { state: "stopped", problem: "Stopped" },
      "see that etcd runs and answers in time",
    ],
    [
      "a name that another has",
      { state: "name_taken", problem: "Another agent has it" },
      "give each agent its own node_name in [cluster], and restart it",
    ],
    ["a time away", { state: "away", problem: "Away" }, "ask again in a few seconds"],
  ];
  test.each(unwell)("is not well with %s, and says what to do", async (_, given, next) => {
    const { problems, text } = await judged(well, cluster(given));
    expect(problems).toEqual([{ kind: "cluster", about: "cluster", problem: expect.any(String) as string, next }]);
    if (given.problem !== undefined) expect(text).toContain(`\n  ${given.problem}\n`);
    if (given.lastError !== undefined)
      expect(text).toContain("etcd is DOWN, 2 members when it answered last, 3 min ago: ");
  });

  test("has two troubles where another has its name and the engine is down", async () => {
    const given = cluster({ ...lost, state: "name_taken", problem: "Another agent has it" });
    const { problems } = await judged(well, given);
    expect(problems.map(({ problem }) => problem)).toEqual([
      "Another agent has it",
      'Cannot connect to "127.0.0.1:2379": connection refused',
    ]);
  });

  test.each([
    ["joining", "because this agent has not joined the cluster yet"],
    ["stopped", 'because the engine is lost (on_engine_loss = "stop")'],
    ["name_taken", "because another agent has this node name"],
    ["away", "because this agent did not run and has not asked the engine since"],
  ] as const)("does not take targets for other agents' while it is %s", async (state, why) => {
    const { text } = await judged([scraping({ share: { knownTargets: 2, ownedTargets: 0 } })], cluster({ state }));
    expect(text).toContain(`Targets: none\n  pyroscope.scrape.a: 2 not scraped, ${why}\n`);
    expect(text).toContain(`Cluster: "edge-1" is in state ${state}, `);
    expect(text).not.toContain("of other agents");
  });
});

describe("agent status of an agent that finds its targets", () => {
  test("shows what each component found, took from the disk, dropped and skipped", async () => {
    const { problems, text } = await judged([
      ...well,
      finding("discovery.http.fleet", { targets: 5, fromDisk: 2, lastSuccessMs: nowMs - 5000 }),
      finding("discovery.relabel.r", { targets: 3, dropped: 1, skipped: 1 }),
      finding("discovery.dns.new", { fromDisk: 0, skippedObjects: { no_address: 2, too_many_ports: 1 } }),
    ]);
    expect(problems).toEqual([]);
    expect(text).toContain(`Discovery:
  discovery.http.fleet: 5 found, 2 of them from disk, last look that succeeded 5 s ago
  discovery.relabel.r: 3 handed on, 1 dropped by its rules, 1 skipped
  discovery.dns.new: 0 found, others became no target (2 no_address, 1 too_many_ports), no look has succeeded yet
`);
  });

  const none: readonly (readonly [string, readonly ComponentSnapshot[], string])[] = [
    ["no component scrapes", [], "Targets: none, because no component scrapes\n"],
    ["nothing is found", [scraping({}), finding("discovery.a.a", {})], "pyroscope.scrape.a: none is found for it\n"],
    ["rules drop all", [scraping({ droppedTargets: 5 })], "pyroscope.scrape.a: 5 dropped by its rules\n"],
    [
      "rules before it drop all",
      [
        component({ id: "pyroscope.scrape.a", debugInfo: { targets: [] }, referencesTo: ["discovery.relabel.b"] }),
        { ...finding("discovery.relabel.b", { dropped: 0 }), referencesTo: ["discovery.relabel.a"] },
        finding("discovery.relabel.a", { dropped: 5 }),
        finding("discovery.relabel.of_another", { dropped: 6 }),
      ],
      "pyroscope.scrape.a: none is found for it; the rules of discovery.relabel.a drop all 5\n",
    ],
    [
      "a component beside one that scrapes finds none",
      [...well, component({ id: "pyroscope.scrape.b", debugInfo: { targets: [] } })],
      "pyroscope.scrape.b: none is found for it\n",
    ],
  ];
  test.each(none)("says why there are none: %s", async (_, components, text) => {
    const status = await judged(components);
    expect(status.text).toContain(text);
    expect(status.problems).toEqual([]);
  });

  test("says that all are other agents', which is well", async () => {
    const { problems, text } = await judged([scraping({ share: { knownTargets: 9, ownedTargets: 0 } })], cluster());
    expect(text).toContain("pyroscope.scrape.a: 9 of other agents of the cluster\n");
    expect(problems).toEqual([]);
  });

  test("is not well where all targets are skipped, with the reason", async () => {
    const message = 'Cannot scrape "x y": "__address__" must be host:port, without scheme or path';
    const skippedTargets = { count: 3, reason: "bad_address", message };
    const { problems, text } = await judged([scraping({ skippedTargets })]);
    expect(problems).toMatchObject([
      { about: "pyroscope.scrape.a", problem: `All 3 of its targets are skipped: ${message}` },
    ]);
    expect(text).toContain(`Targets: none\n  pyroscope.scrape.a: 3 skipped (${message})\n`);
    const { problems: some } = await judged([scraping({ targets: [target("a:1")], skippedTargets })]);
    expect(some).toEqual([]);
  });

  test("tells a source that fails once, where it is the only one", async () => {
    const failing = { name: "f", targets: 0, fromDisk: false, lastError: "Gone", lastErrorMs: nowMs };
    const { problems } = await judged([
      finding("discovery.file.a", { lastError: "Gone", lastErrorMs: nowMs, shownSources: [failing] }),
    ]);
    expect(problems).toHaveLength(1);
  });
});
