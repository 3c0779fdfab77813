import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { eventually } from "../support/child.ts";
import { startCountingProxy } from "../support/counting-proxy.ts";
import { startPushServer } from "../support/push-server.ts";
import { type Agent, startAgent, startAgentWith, writeConfig } from "./agent.ts";
import { startRecordedTarget } from "./recorded-target.ts";

// Real programs on a real clock.
setDefaultTimeout(30_000);

const anyAge = { rules: { maxAgeMs: Number.POSITIVE_INFINITY } };

interface Scrape {
  readonly name: string;
  readonly port: number;
  readonly to: string;
  readonly type?: "memory" | "goroutine";
  readonly interval?: string;
}

/** One type of one target, every second. */
function scrape({ name, port, to, type = "goroutine", interval = "1s" }: Scrape): string {
  const others = ["memory", "goroutine", "block", "mutex", "process_cpu"].filter((other) => other !== type);
  return `
[pyroscope.scrape.${name}]
targets = [{ __address__ = "127.0.0.1:${port}", service_name = "${name}" }]
forward_to = ["${to}"]
scrape_interval = "${interval}"
[pyroscope.scrape.${name}.profiling_config.profile]
${others.map((other) => `${other}.enabled = false`).join("\n")}
`;
}

function write(name: string, url: string, more = ""): string {
  return `
[pyroscope.write.${name}]
${more}
[[pyroscope.write.${name}.endpoint]]
url = "${url}"
`;
}

interface StatusView {
  readonly config: {
    readonly sha256: string;
    readonly generation: number;
    readonly needs_restart: readonly string[];
    readonly last_failure?: { readonly message: string };
  };
}

async function configOf(agent: Agent): Promise<StatusView["config"]> {
  return ((await (await agent.get("/api/v0/status")).json()) as StatusView).config;
}

function post(agent: Agent, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${agent.url}/-/reload`, { method: "POST", headers });
}

function hangUp(agent: Agent): void {
  process.kill(agent.child.pid, "SIGHUP");
}

async function generation(agent: Agent, expected: number): Promise<void> {
  await eventually(`generation ${expected}`, async () => (await configOf(agent)).generation === expected || undefined);
}

/** When within a second the component's target is scraped, in milliseconds. */
async function phase(agent: Agent, component: string): Promise<number> {
  const target = (await agent.targets()).find((one) => one.component === component);
  return Date.parse(target?.next_scrape ?? "") % 1000;
}

function samePhase(a: number, b: number): boolean {
  const apart = Math.abs(a - b);
  // The API rounds, and wall time is slewed against the monotonic one.
  return Math.min(apart, 1000 - apart) <= 20;
}

describe("A reload", () => {
  test.concurrent("leaves loops, deltas and connections alone of what did not change", async () => {
    await using target = await startRecordedTarget();
    await using targetPort = await startCountingProxy(target.port);
    await using server = await startPushServer(anyAge);
    await using serverPort = await startCountingProxy(server.port);
    // One push at a time, and so one connection, however slow the machine is.
    const kept = `${scrape({ name: "kept", port: targetPort.port, to: "pyroscope.write.kept", type: "memory" })}
${write("kept", `http://127.0.0.1:${serverPort.port}`)}queue.max_in_flight = 1
`;
    const other = (interval: string): string =>
      `${scrape({ name: "other", port: target.port, to: "pyroscope.store.local", interval })}
[pyroscope.store.local]
max_bytes = "${interval === "1s" ? 1 : 2}MiB"
`;
    await using agent = await startAgent(kept + other("1s"));
    const of = { component_id: "pyroscope.scrape.kept" };
    const scrapes = (): Promise<number> => agent.metric("pyroscope_scrape_scrapes_total", of);
    await eventually("deltas are computed", async () => (await scrapes()) >= 2 || undefined);
    const before = {
      phase: await phase(agent, "pyroscope.scrape.kept"),
      otherPhase: await phase(agent, "pyroscope.scrape.other"),
      connections: [targetPort.connections, serverPort.connections],
      sent: server.accepted.length,
    };
    expect(before.connections).toEqual([1, 1]);
    writeConfig(agent, kept + other("1500ms"));
    expect((await post(agent)).status).toBe(200);
    const counted = await scrapes();
    await eventually("it is scraped on", async () => (await scrapes()) >= counted + 3 || undefined);
    await server.waitFor(() => server.accepted.length >= before.sent + 3);
    expect(await agent.metric("pyroscope_scrape_delta_profiles_total", { ...of, outcome: "first" })).toBe(1);
    expect([targetPort.connections, serverPort.connections]).toEqual(before.connections);
    expect(samePhase(await phase(agent, "pyroscope.scrape.kept"), before.phase)).toBe(true);
    expect(await configOf(agent)).toMatchObject({ generation: 2, needs_restart: [] });
  });

  test.concurrent("of pyroscope.write takes effect for running loops at once", async () => {
    await using target = await startRecordedTarget();
    await using first = await startPushServer(anyAge);
    await using second = await startPushServer(anyAge);
    const loop = scrape({ name: "test", port: target.port, to: "pyroscope.write.test" });
    await using agent = await startAgent(loop + write("test", first.url));
    await first.waitFor(() => first.accepted.length >= 2);
    const before = await phase(agent, "pyroscope.scrape.test");
    writeConfig(agent, loop + write("test", second.url, 'external_labels = { site = "north" }'));
    hangUp(agent);
    await generation(agent, 2);
    const scraped = await agent.metric("pyroscope_scrape_scrapes_total");
    const delivered = first.accepted.length;
    await second.waitFor(() => second.accepted.length >= 2);
    expect(second.accepted[0]?.labels).toMatchObject({ service_name: "test", site: "north" });
    expect(first.accepted).toHaveLength(delivered);
    expect(await agent.metric("pyroscope_scrape_scrapes_total")).toBeLessThanOrEqual(scraped + 3);
    expect(samePhase(await phase(agent, "pyroscope.scrape.test"), before)).toBe(true);
  });

  test.concurrent("that changes a component again and again, faster than its interval, costs no scrape", async () => {
    await using target = await startRecordedTarget();
    const changed = (round: number): string =>
      `${scrape({ name: "test", port: target.port, to: "pyroscope.store.local" })}
[pyroscope.store.local]
`.replace('scrape_interval = "1s"', `scrape_interval = "1s"\nbody_size_limit = "${round + 1}MiB"`);
    await using agent = await startAgent(changed(0));
    const of = { component_id: "pyroscope.scrape.test" };
    const scrapes = (): Promise<number> => agent.metric("pyroscope_scrape_scrapes_total", of);
    const before = await phase(agent, "pyroscope.scrape.test");
    let round = 0;
    await eventually("three scrapes are made", async () => {
      writeConfig(agent, changed(++round));
      expect((await post(agent)).status).toBe(200);
      return (await scrapes()) >= 3 || undefined;
    });
    // More reloads than scrapes, also on a machine that is busy.
    expect(round).toBeGreaterThan(3);
    expect(await agent.metric("pyroscope_scrape_skipped_total", of)).toBe(0);
    expect(samePhase(await phase(agent, "pyroscope.scrape.test"), before)).toBe(true);
  });

  test.concurrent("starts what is new and ends what is gone", async () => {
    await using target = await startRecordedTarget();
    await using server = await startPushServer(anyAge);
    const to = "pyroscope.write.test";
    const receiver = write("test", server.url);
    await using agent = await startAgent(scrape({ name: "gone", port: target.port, to }) + receiver);
    await server.waitFor(() => server.accepted.length >= 1);
    writeConfig(agent, scrape({ name: "new", port: target.port, to }) + receiver);
    hangUp(agent);
    await server.waitFor(() => server.accepted.some(({ labels }) => labels["service_name"] === "new"));
    expect((await agent.targets()).map(({ component }) => component)).toEqual(["pyroscope.scrape.new"]);
    const gone = server.accepted.filter(({ labels }) => labels["service_name"] === "gone").length;
    const count = server.accepted.length;
    await server.waitFor(() => server.accepted.length >= count + 2);
    expect(server.accepted.filter(({ labels }) => labels["service_name"] === "gone")).toHaveLength(gone);
  });

  test.concurrent("of a bad file changes nothing and says why, until a good one", async () => {
    await using target = await startRecordedTarget();
    const loop = scrape({ name: "test", port: target.port, to: "pyroscope.store.local" });
    const good = `${loop}[pyroscope.store.local]\n`;
    await using agent = await startAgent(good);
    const { sha256 } = await configOf(agent);
    writeConfig(agent, `${good}max_bites = "1MiB"\n[server]\ntokens = 1\n`);
    hangUp(agent);
    const [line] = await agent.child.waitFor(/problem=".*max_bites.*"/);
    expect(line).toMatch(/agent\.toml:\d+:1: pyroscope\.store\.local\.max_bites: unknown argument/);
    await agent.child.waitFor(/agent\.toml:\d+:1: server\.tokens: unknown argument/);
    expect(await configOf(agent)).toMatchObject({
      sha256,
      generation: 1,
      last_failure: { message: expect.stringContaining("max_bites") },
    });
    expect(await (await agent.get("/")).text()).toContain("The last reload failed");
    const store = await (await agent.get("/api/v0/components/pyroscope.store.local")).json();
    expect(store).toMatchObject({ health: { state: "unhealthy", message: expect.stringContaining("max_bites") } });
    expect(await agent.metric("agent_config_last_load_successful")).toBe(0);
    const answer = await post(agent, { Accept: "application/json" });
    expect(answer.status).toBe(400);
    const { problems } = (await answer.json()) as { problems: { key: string }[] };
    expect(problems.map(({ key }) => key)).toEqual(["pyroscope.store.local.max_bites", "server.tokens"]);
    const scraped = await agent.metric("pyroscope_scrape_scrapes_total");
    await eventually(
      "it is scraped on",
      async () => (await agent.metric("pyroscope_scrape_scrapes_total")) > scraped || undefined,
    );
    writeConfig(agent, good);
    expect(await (await post(agent)).text()).toStartWith("Reloaded: generation 2");
    expect((await configOf(agent)).last_failure).toBeUndefined();
    expect(await (await agent.get("/api/v0/components/pyroscope.store.local")).json()).toMatchObject({
      health: { state: "healthy" },
    });
    expect(await agent.metric("agent_config_last_load_successful")).toBe(1);
  });

  test.concurrent("changes log and token at once", async () => {
    await using agent = await startAgent("[pyroscope.store.local]\n");
    const token = "s3same-of-the-tests";
    writeFileSync(join(agent.directory, "token"), `${token}\n`);
    writeConfig(agent, `server.token_file = "token"\nlogging.format = "json"\n[pyroscope.store.local]\n`);
    expect((await post(agent)).status).toBe(200);
    await agent.child.waitFor(/"msg":"Configuration reloaded"/);
    expect((await post(agent)).status).toBe(401);
    expect((await post(agent, { Authorization: `Bearer ${token}`, "X-Forwarded-For": "10.0.0.1" })).status).toBe(200);
    // The token is rotated without a reload.
    writeFileSync(join(agent.directory, "token"), "another");
    expect((await post(agent, { Authorization: `Bearer ${token}` })).status).toBe(401);
    expect((await post(agent, { Authorization: "Bearer another" })).status).toBe(200);
    expect(agent.child.output()).not.toContain(token);
  });

  test.concurrent("with another storage path applies the rest, and says that it waits for a restart", async () => {
    await using agent = await startAgent("[pyroscope.store.one]\n");
    writeFileSync(join(agent.directory, "agent.toml"), 'storage.path = "elsewhere"\n[pyroscope.store.two]\n');
    expect(await (await post(agent)).text()).toEndWith("\nstorage.path takes effect after a restart\n");
    expect((await configOf(agent)).needs_restart).toEqual(["storage.path"]);
    expect((await agent.get("/api/v0/components/pyroscope.store.two")).status).toBe(200);
  });

  test.concurrent("comes with --watch when the file changes", async () => {
    await using agent = await startAgent("[pyroscope.store.one]\n", { flags: ["--watch"] });
    for (const [index, name] of ["two", "three"].entries()) {
      writeConfig(agent, `[pyroscope.store.${name}]\n`);
      await generation(agent, index + 2);
      expect((await agent.get(`/api/v0/components/pyroscope.store.${name}`)).status).toBe(200);
    }
  });

  test.concurrent("of many asked for at once ends with what the file said last", async () => {
    await using agent = await startAgent("[pyroscope.store.s0]\n");
    const answers: Promise<Response>[] = [];
    for (let i = 1; i <= 20; i++) {
      writeConfig(agent, `[pyroscope.store.s${i}]\n`);
      answers.push(post(agent));
      hangUp(agent);
    }
    expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([200]));
    const { components } = (await (await agent.get("/api/v0/components")).json()) as { components: { id: string }[] };
    expect(components.map(({ id }) => id)).toEqual(["pyroscope.store.s20"]);
    expect(await agent.metric("agent_config_reloads_total", { result: "applied" })).toBe(
      (await configOf(agent)).generation - 1,
    );
  });

  test.concurrent("without a file is refused, and says so", async () => {
    await using agent = await startAgentWith(["--target", "127.0.0.1:9"]);
    hangUp(agent);
    await agent.child.waitFor(
      /msg="Nothing to reload" trigger=SIGHUP why="The agent runs without a configuration file/,
    );
    expect((await post(agent)).status).toBe(409);
  });
});

describe("A reload that changes where the same targets come from", () => {
  const found = (name: string): string => `[discovery.file.${name}]\nfiles = ["targets.json"]\n`;
  const relabel = (from: string): string => `[discovery.relabel.through]\ntargets = "${from}"\n`;
  const scrapes = (from: string): string => `
[pyroscope.store.local]
[pyroscope.scrape.slow]
targets = "${from}"
forward_to = ["pyroscope.store.local"]
scrape_interval = "1s"
scrape_timeout = "30s"
[pyroscope.scrape.slow.profiling_config.profile]
memory.enabled = false
block.enabled = false
mutex.enabled = false
process_cpu.enabled = false
`;
  test.concurrent.each([
    [
      "through a new discovery.relabel",
      found("old") + scrapes("discovery.file.old"),
      found("old") + relabel("discovery.file.old") + scrapes("discovery.relabel.through"),
    ],
    [
      "from a discovery component of another name",
      found("old") + scrapes("discovery.file.old"),
      found("new") + scrapes("discovery.file.new"),
    ],
    [
      "from one of another name through the same discovery.relabel",
      found("old") + relabel("discovery.file.old") + scrapes("discovery.relabel.through"),
      found("new") + relabel("discovery.file.new") + scrapes("discovery.relabel.through"),
    ],
  ])("%s lets requests in flight end", async (_, before, after) => {
    await using target = await startHoldingTarget();
    await using agent = await startAgent(before);
    const file = join(agent.directory, "targets.json");
    writeFileSync(file, `[{ "targets": ["127.0.0.1:${target.port}"] }]`);
    await eventually("a request in flight", () => target.counts.asked === 1 || undefined);
    writeConfig(agent, after);
    expect((await post(agent)).status).toBe(200);
    // Longer than new sources are waited for.
    await eventually("a moment", () => performance.now() - target.askedAtMs > 4000 || undefined);
    expect(target.counts).toEqual({ asked: 1, canceled: 0 });
    target.release();
    await eventually("the next ones", () => target.counts.asked >= 4 || undefined);
    expect(target.counts.canceled).toBe(0);
    expect((await agent.targets()).map(({ health }) => health)).toEqual(["up"]);
    // What is really gone is no longer scraped.
    writeFileSync(file, "[]");
    await eventually("no target", async () => (await agent.targets()).length === 0 || undefined);
  });
});

/** A target that does not answer before it is told to. */
async function startHoldingTarget() {
  const body = readFileSync(join(import.meta.dirname, "..", "fixtures", "recordings", "goroutine.1.pb.gz"));
  const counts = { asked: 0, canceled: 0 };
  const held: ServerResponse[] = [];
  let holds = true;
  let askedAtMs = Number.POSITIVE_INFINITY;
  const server = createServer((_request, response) => {
    counts.asked++;
    if (counts.asked === 1) askedAtMs = performance.now();
    response.once("close", () => void (response.writableFinished || counts.canceled++));
    if (holds) held.push(response);
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    counts,
    get askedAtMs() {
      return askedAtMs;
    },
    release: () => {
      holds = false;
      for (const response of held.splice(0)) response.end(body);
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
