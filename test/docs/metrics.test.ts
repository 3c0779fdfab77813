import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startAgent } from "../e2e/agent.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/metrics.md"), "utf8");
const rows = [...page.matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) ?\| /gm)].map(
  ([, name, type, labels = ""]) => ({ name, type, labels: labels.split(", ").filter(Boolean).toSorted() }),
);

// One component of each kind, so that every metric there is is registered. Nothing answers on port 9.
const everyKind = `
[pyroscope.scrape.a]
targets = [{ __address__ = "127.0.0.1:9" }]
forward_to = ["pyroscope.write.a", "pyroscope.store.a"]
[pyroscope.write.a]
endpoint = { url = "http://127.0.0.1:9" }
[pyroscope.store.a]
`;

describe("docs/metrics.md", () => {
  test("lists exactly the metrics of a running agent, with their types and labels", async () => {
    await using agent = await startAgent(everyKind);
    const text = await (await agent.get("/metrics")).text();
    const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => ({ name, type }));
    expect(rows.map(({ name, type }) => `${name} ${type}`).toSorted()).toEqual(
      types.map(({ name, type }) => `${name} ${type}`).toSorted(),
    );
    // A metric that has counted nothing yet shows no labels.
    for (const { name, labels } of rows) {
      const sample = text.match(new RegExp(`^${name}(?:_sum)?(?:\\{(.*)\\})? `, "m"));
      if (sample) expect({ name, labels: labelNames(sample[1]) }).toEqual({ name, labels });
    }
  });
});

function labelNames(labels = ""): string[] {
  return [...labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)].map(([, name]) => name as string).toSorted();
}
