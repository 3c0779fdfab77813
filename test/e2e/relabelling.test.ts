import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, setDefaultTimeout, test } from "bun:test";
import { eventually } from "../support/child.ts";
import { buildProfile } from "../support/profile-builder.ts";
import { startPushServer } from "../support/push-server.ts";
import { startAgent } from "./agent.ts";

// A real program on a real clock.
setDefaultTimeout(30_000);

/** Serves a profile whose samples carry labels, and remembers what was asked for. */
async function startLabelledTarget() {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? "");
    const body = buildProfile({
      sampleTypes: ["goroutine/count"],
      samples: [
        { stack: ["main"], values: [1], labels: { user: "ada@example.com", route: "/cart" } },
        { stack: ["idle"], values: [2], labels: { probe: "health" } },
      ],
      timeNanos: BigInt(Date.now()) * 1_000_000n,
    });
    response.end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    paths,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

test("Rules steer what is found, scraped and pushed, down to the labels of samples", async () => {
  await using target = await startLabelledTarget();
  await using server = await startPushServer();
  await using agent = await startAgent(`
[discovery.relabel.shop]
targets = [
  { host = "127.0.0.1", team = "shop" },
  { host = "127.0.0.1", team = "bank" },
]
rule = [
  { action = "keep", source_labels = "team", regex = "sh[o]p" },
  { source_labels = "host", target_label = "__address__", replacement = "$1:${target.port}" },
]

[pyroscope.scrape.local]
targets = ["discovery.relabel.shop.output"]
forward_to = ["pyroscope.write.central"]
scrape_interval = "1s"
rule = [
  { target_label = "__profile_types__", replacement = "goroutine,mine" },
  { target_label = "__profile_goroutine_path__", replacement = "/debug/own" },
]
[pyroscope.scrape.local.profiling_config.profile]
process_cpu.enabled = false
custom.mine = { enabled = true, path = "/debug/mine" }

[pyroscope.write.central]
endpoint = { url = "${server.url}" }
external_labels = { site = "Berlin" }
rule = [
  { action = "lowercase", source_labels = "site", target_label = "site" },
  { action = "drop", source_labels = "__name__", regex = "mine" },
  { action = "labeldrop", regex = "host|instance" },
  { scope = "sample", action = "drop", source_labels = "probe", regex = "health" },
  { scope = "sample", action = "labeldrop", regex = "user" },
]`);
  const [received] = await eventually(
    "a push",
    () => (server.accepted.length > 0 ? server.accepted : undefined),
    20_000,
  );
  expect(received?.labels).toEqual({
    __name__: "goroutine",
    job: "pyroscope.scrape.local",
    service_name: "unspecified",
    site: "berlin",
    team: "shop",
  });
  const { sample = [], stringTable = [] } = received?.profile ?? {};
  expect(sample.map(({ value, label }) => [value, label.map(({ key }) => stringTable[Number(key)])])).toEqual([
    [[1n], ["route"]],
  ]);
  expect(stringTable.join()).not.toMatch(/ada|user|probe|health/);
  const own = { component_id: "pyroscope.write.central" };
  await eventually("a dropped profile", async () =>
    (await agent.metric("pyroscope_write_relabel_dropped_profiles_total", own)) > 0 ? true : undefined,
  );
  expect([...new Set(target.paths)].toSorted()).toEqual(["/debug/mine", "/debug/own"]);
  expect(await agent.metric("discovery_targets", { component_id: "discovery.relabel.shop" })).toBe(1);
  expect(server.accepted.every(({ labels }) => labels["__name__"] === "goroutine")).toBe(true);
});
