import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/base/index.ts";
import { Graph } from "../../src/component/index.ts";
import { parseConfig } from "../../src/config/index.ts";
import { clusterOf } from "../../src/join-cluster.ts";
import { createKinds } from "../../src/kinds.ts";
import { createMetrics, type Metrics } from "../../src/observability/index.ts";
import { startAgent } from "../e2e/agent.ts";
import { testContext } from "../support/context.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/metrics.md"), "utf8");
const rows = [...page.matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) ?\| /gm)].map(
  ([, name = "", type = "", labels = ""]) => ({ name, type, labels: labels.split(", ").filter(Boolean).toSorted() }),
);

// One component of each kind and a cluster, so that every metric there is is registered. Nothing answers on port 9.
const everyKind = `
[cluster.etcd]
endpoints = ["http://127.0.0.1:9"]
[pyroscope.scrape.a]
targets = [{ __address__ = "127.0.0.1:9" }]
forward_to = ["pyroscope.write.a", "pyroscope.store.a"]
[pyroscope.write.a]
endpoint = { url = "http://127.0.0.1:9" }
[pyroscope.store.a]
[discovery.file.a]
files = ["none.json"]
[discovery.process.a]
ports = 9
[discovery.relabel.a]
targets = ["discovery.file.a"]
`;

describe("docs/metrics.md", () => {
  test("lists exactly the metrics of a running agent, with their types and labels", async () => {
    await using agent = await startAgent(everyKind);
    const text = await (await agent.get("/metrics")).text();
    const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = "", type = ""]) => ({ name, type }));
    expect(rows.map(({ name, type }) => `${name} ${type}`).toSorted()).toEqual(
      types.map(({ name, type }) => `${name} ${type}`).toSorted(),
    );
    // A metric that has counted nothing yet shows no labels: those of components are read where they are registered.
    const registered = await labelsOfComponents();
    expect(rows.map(({ name, labels }) => ({ name, labels }))).toEqual(
      rows.map(({ name }) => ({ name, labels: registered.get(name) ?? shownLabels(name, text) })),
    );
  });
});

/** The label names of every metric that components and the graph register, sorted. */
async function labelsOfComponents(): Promise<ReadonlyMap<string, string[]>> {
  const { metrics, labels } = recordingMetrics();
  const kinds = createKinds(systemClock);
  const { components, cluster } = await parseConfig(everyKind, { path: "agent.toml", kinds, env: {} });
  const graph = new Graph({ ...testContext({ metrics }), metrics });
  clusterOf(cluster, { ...testContext(), metrics });
  graph.applyConfig(components);
  const stop = new AbortController();
  const running = graph.run(stop.signal);
  stop.abort();
  await running;
  return labels;
}

function recordingMetrics(): { metrics: Metrics; labels: ReadonlyMap<string, string[]> } {
  const metrics = createMetrics();
  const labels = new Map<string, string[]>();
  const note = (name: string, labelNames: readonly string[] = []): void => {
    // As in the registry, the first call makes the metric.
    if (!labels.has(name)) labels.set(name, labelNames.toSorted());
  };
  return {
    labels,
    metrics: {
      ...metrics,
      counter: (name, help, labelNames) => (note(name, labelNames), metrics.counter(name, help, labelNames)),
      gauge: (name, help, labelNames) => (note(name, labelNames), metrics.gauge(name, help, labelNames)),
      histogram: (name, help, labelNames, buckets) => (
        note(name, labelNames), metrics.histogram(name, help, labelNames, buckets)
      ),
    },
  };
}

/** The labels of a metric's first sample. Without a sample nothing is known, which is like no row. */
function shownLabels(metric: string, text: string): string[] {
  const sample = text.match(new RegExp(`^${metric}(?:_sum)?(?:\\{(.*)\\})? `, "m"));
  if (!sample) return ["(no sample)"];
  return [...(sample[1] ?? "").matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, name = ""]) => name).toSorted();
}
