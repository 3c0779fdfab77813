import { existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { startSdServer } from "../discovery/sd-server.ts";
import { eventually } from "../support/child.ts";
import { startPushServer } from "../support/push-server.ts";
import { type Agent, startAgain, startAgent, writeConfig } from "./agent.ts";
import { startRecordedTarget } from "./recorded-target.ts";

// Real programs on a real clock.
setDefaultTimeout(60_000);

/** One profile of every target each second, from where the component `finder` finds them. */
function scraping(finder: string, serverUrl: string): string {
  return `
[pyroscope.scrape.test]
targets = ["${finder}"]
forward_to = ["pyroscope.write.test"]
scrape_interval = "1s"
[pyroscope.scrape.test.profiling_config.profile]
block.enabled = false
memory.enabled = false
mutex.enabled = false
process_cpu.enabled = false

[[pyroscope.write.test.endpoint]]
url = "${serverUrl}"
`;
}

const anyAge = { rules: { maxAgeMs: Number.POSITIVE_INFINITY } };

async function untilInstances(agent: Agent, wanted: readonly string[]): Promise<void> {
  let found: readonly string[] = [];
  await eventually(`the targets are ${wanted.join(", ")}`, async () => {
    found = (await agent.targets()).map(({ labels }) => labels["instance"] ?? "").sort();
    return JSON.stringify(found) === JSON.stringify([...wanted].sort()) || undefined;
  });
}

interface DiscoveryView {
  readonly targets: number;
  readonly last_success?: string;
  readonly last_error?: string;
  readonly shown_sources: readonly { name: string; targets: number; from_disk: boolean; last_error?: string }[];
}

async function discoveryOf(agent: Agent, id: string): Promise<DiscoveryView> {
  const component = (await (await agent.get(`/api/v0/components/${id}`)).json()) as {
    debug_info: { discovery: DiscoveryView };
  };
  return component.debug_info.discovery;
}

describe("targets that an agent discovers", () => {
  test.concurrent("are scraped and pushed with their labels, through failures of who names them", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    await using sd = await startSdServer();
    const address = (host: number): string => `127.0.0.${host}:${target.port}`;
    sd.groups([
      { targets: [address(2), address(3)], labels: { env: "prod", __meta_rack: "r1", "bad-name": "x" } },
      { targets: [""], labels: { env: "nowhere" } },
    ]);
    const id = "discovery.http.sd";
    const config = `[${id}]\nurl = "${sd.url}"\nrefresh_interval = "250ms"\n${scraping(`${id}.targets`, server.url)}`;
    await using agent = await startAgent(config);
    await untilInstances(agent, [address(2), address(3)]);
    const series = {
      __name__: "goroutine",
      bad_name: "x",
      env: "prod",
      instance: address(2),
      job: "pyroscope.scrape.test",
      service_name: "unspecified",
    };
    await server.waitFor(() => server.accepted.some(({ labels }) => labels["instance"] === address(2)));
    expect(server.accepted.find(({ labels }) => labels["instance"] === address(2))?.labels).toEqual(series);
    expect(await agent.metric("pyroscope_scrape_targets_skipped_total", { reason: "no_address" })).toBe(1);

    sd.answer({ status: 500, body: "broken" });
    const { last_error } = await eventually("the look failed", async () => {
      const discovery = await discoveryOf(agent, id);
      return discovery.last_error === undefined ? undefined : discovery;
    });
    expect(last_error).toContain('HTTP status 500 with "broken"');
    await untilInstances(agent, [address(2), address(3)]);
    expect(
      await agent.metric("discovery_refresh_failures_total", { component_id: id, reason: "status" }),
    ).toBeGreaterThan(0);

    sd.groups([]);
    await untilInstances(agent, []);
    const before = target.answers.get("127.0.0.2") ?? 0;
    sd.groups([{ targets: [address(3)] }]);
    await untilInstances(agent, [address(3)]);
    const seen = target.answers.get("127.0.0.3") ?? 0;
    await eventually("it is scraped again", () => (target.answers.get("127.0.0.3") ?? 0) > seen || undefined);
    expect(target.answers.get("127.0.0.2")).toBe(before);
    expect(await agent.metric("discovery_targets", { component_id: id })).toBe(1);
  });

  test.concurrent("in a mounted volume follow its update, and only those that changed begin anew", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    const address = (host: number): string => `127.0.0.${host}:${target.port}`;
    const config = `[discovery.file.volume]\nfiles = ["volume/*.yaml"]\n${scraping("discovery.file.volume", server.url)}`;
    await using agent = await startAgent(config);
    const volume = join(agent.directory, "volume");
    const publish = (version: string, hosts: readonly number[]): void => {
      mkdirSync(join(volume, version), { recursive: true });
      const addresses = hosts.map((host) => `  - ${address(host)}\n`).join("");
      writeFileSync(join(volume, version, "targets.yaml"), `- targets:\n${addresses}  labels: {env: prod}\n`);
      symlinkSync(version, join(volume, "..data_tmp"));
      renameSync(join(volume, "..data_tmp"), join(volume, "..data"));
    };
    publish("..1", [2, 3]);
    symlinkSync(join("..data", "targets.yaml"), join(volume, "targets.yaml"));
    await untilInstances(agent, [address(2), address(3)]);
    const health = async (host: number) =>
      (await agent.targets()).find(({ labels }) => labels["instance"] === address(host))?.health;
    await eventually(
      "both are up",
      async () => ((await health(2)) === "up" && (await health(3)) === "up") || undefined,
    );
    publish("..2", [3, 4]);
    await untilInstances(agent, [address(3), address(4)]);
    // A loop that had been begun anew would not have scraped yet.
    expect(await health(3)).toBe("up");
  });

  test.concurrent("are let go at once, the scrape in flight included", async () => {
    await using server = await startPushServer(anyAge);
    await using sd = await startSdServer();
    let open = 0;
    const slow = createServer((request) => {
      open++;
      request.socket.once("close", () => open--);
    });
    slow.listen(0, "127.0.0.1");
    await once(slow, "listening");
    try {
      const address = `127.0.0.1:${(slow.address() as AddressInfo).port}`;
      sd.groups([{ targets: [address] }]);
      const config = `[discovery.http.sd]\nurl = "${sd.url}"\nrefresh_interval = "250ms"\n${scraping("discovery.http.sd", server.url)}`;
      await using agent = await startAgent(config.replace('"1s"', '"1s"\nscrape_timeout = "10m"'));
      await eventually("a scrape is in flight", () => open > 0 || undefined);
      sd.groups([]);
      await untilInstances(agent, []);
      await eventually("it is cancelled", () => open === 0 || undefined, 2000);
    } finally {
      slow.close();
      slow.closeAllConnections();
    }
  });

  test.concurrent("are scraped after a start without those who name them", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    await using sd = await startSdServer();
    const address = `127.0.0.2:${target.port}`;
    sd.groups([{ targets: [address], labels: { env: "prod" } }]);
    const config = `[discovery.http.sd]\nurl = "${sd.url}"\nrefresh_interval = "250ms"\n${scraping("discovery.http.sd", server.url)}`;
    await using first = await startAgent(config);
    await untilInstances(first, [address]);
    await first.stop();
    await sd.down();
    const answered = target.answers.get("127.0.0.2") ?? 0;
    await using second = await startAgain(first);
    await untilInstances(second, [address]);
    await eventually("it is scraped", () => (target.answers.get("127.0.0.2") ?? 0) > answered || undefined);
    const { shown_sources, last_error } = await eventually("it knows", async () => {
      const discovery = await discoveryOf(second, "discovery.http.sd");
      return discovery.last_error === undefined ? undefined : discovery;
    });
    expect(last_error).toContain("connection refused");
    expect(shown_sources).toMatchObject([{ name: sd.url, targets: 1, from_disk: true }]);
    await sd.up();
    sd.groups([{ targets: [`127.0.0.3:${target.port}`] }]);
    await untilInstances(second, [`127.0.0.3:${target.port}`]);
    // The component leaves while the agent is not there.
    await second.stop();
    const kept = join(first.directory, "data", "targets-discovery.http.sd.json");
    expect(existsSync(kept)).toBe(true);
    writeConfig(first, '[discovery.file.other]\nfiles = "none.json"\n');
    await using third = await startAgain(first);
    await eventually("its targets are gone", () => !existsSync(kept) || undefined);
    await third.stop();
  });
});
