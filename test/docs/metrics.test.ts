import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startAgent } from "../e2e/agent.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/metrics.md"), "utf8");
const documented = [...page.matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \|/gm)].map(
  ([, name, type]) => `${name} ${type}`,
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

test("docs/metrics.md lists exactly the metrics of a running agent, with their types", async () => {
  await using agent = await startAgent(everyKind);
  const text = await (await agent.get("/metrics")).text();
  const registered = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  expect(documented.toSorted()).toEqual(registered.toSorted());
});
