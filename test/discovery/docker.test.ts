import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import process from "node:process";
import { dockerKind } from "../../src/discovery/docker.ts";
import { eventually, runChild } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { startPushServer } from "../support/push-server.ts";
import { startAgent } from "../e2e/agent.ts";
import { type ContainerEngine, image, isRunning, startDocker, startPodman } from "./container-engines.ts";
import { runDiscovery } from "./running-discovery.ts";

// Real daemons.
setDefaultTimeout(60_000);

const docker = await startDocker();
const podman = await startPodman();

afterAll(async () => {
  if (isRunning(docker)) await docker[Symbol.asyncDispose]();
  if (isRunning(podman)) await podman[Symbol.asyncDispose]();
});

/** What the daemon itself says of a network of a container. */
async function addressIn(engine: ContainerEngine, container: string, network: string): Promise<string> {
  return engine.cli("inspect", "--format", `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container);
}

describe.skipIf(!isRunning(docker))("discovery.docker with Docker's own daemon", () => {
  const engine = docker as ContainerEngine;
  const ids: Record<string, string> = {};
  let published: number;
  let hostPort: number;

  beforeAll(async () => {
    [published, hostPort] = await Promise.all([freePort(), freePort()]);
    await engine.cli("network", "create", "edge-b");
    await engine.cli("network", "create", "--label", "site.name=north", "edge-a");
    const anywhere = ["-addr", "0.0.0.0:6060"];
    const web = ["--network", "edge-b", "--publish", `127.0.0.1:${published}:6060`, "--expose", "9000/udp"];
    ids["web"] = await engine.run(
      "web",
      [...web, "--label", "profiles=on", "--label", "com.example/team-name=plant 7"],
      anywhere,
    );
    await engine.cli("network", "connect", "edge-a", "web");
    ids["plain"] = await engine.run("plain", ["--network", "edge-a"], anywhere);
    ids["sidecar"] = await engine.run("sidecar", ["--network", "container:web"], ["-addr", "0.0.0.0:6061"]);
    const asksFor = ["scrape=true", `port=${hostPort}`].map((what) => `profiles.grafana.com/goroutine.${what}`);
    const labels = ["profiles=on", ...asksFor].flatMap((label) => ["--label", label]);
    ids["hostly"] = await engine.run("hostly", ["--network", "host", ...labels], ["-addr", `127.0.0.1:${hostPort}`]);
    ids["lonely"] = await engine.run("lonely", ["--network", "none"]);
  });

  const imageLabels = async (): Promise<Record<string, string>> => ({
    __meta_docker_container_image: image,
    __meta_docker_container_image_id: await engine.cli("image", "inspect", "--format", "{{.Id}}", image),
  });
  const networkLabels = async (name: string): Promise<Record<string, string>> => ({
    __meta_docker_network_id: await engine.cli("network", "inspect", "--format", "{{.Id}}", name),
    __meta_docker_network_name: name,
    __meta_docker_network_scope: "local",
    __meta_docker_network_internal: "false",
    __meta_docker_network_ingress: "false",
  });

  test("makes a target of every container, in one of its networks, with all its meta labels", async () => {
    await using discovery = runDiscovery(dockerKind, { host: engine.host });
    const [webIp, plainIp] = [await addressIn(engine, "web", "edge-a"), await addressIn(engine, "plain", "edge-a")];
    await discovery.untilAddresses([`${webIp}:6060`, `${plainIp}:80`, `${webIp}:80`, "localhost"]);
    const edgeA = { ...(await networkLabels("edge-a")), __meta_docker_network_label_site_name: "north" };
    const byName = new Map(
      discovery.targets().map((target) => [target["__meta_docker_container_name"], { ...target }]),
    );
    expect(byName.get("/web")).toEqual({
      __address__: `${webIp}:6060`,
      __meta_docker_container_id: ids["web"] as string,
      __meta_docker_container_name: "/web",
      ...(await imageLabels()),
      __meta_docker_container_network_mode: "edge-b",
      __meta_docker_container_label_profiles: "on",
      __meta_docker_container_label_com_example_team_name: "plant 7",
      __meta_docker_network_ip: webIp,
      ...edgeA,
      __meta_docker_port_private: "6060",
      __meta_docker_port_public: String(published),
      __meta_docker_port_public_ip: "127.0.0.1",
    });
    expect(byName.get("/plain")).toEqual({
      __address__: `${plainIp}:80`,
      __meta_docker_container_id: ids["plain"] as string,
      __meta_docker_container_name: "/plain",
      ...(await imageLabels()),
      __meta_docker_container_network_mode: "edge-a",
      __meta_docker_network_ip: plainIp,
      ...edgeA,
    });
    expect(byName.get("/sidecar")).toMatchObject({
      __address__: `${webIp}:80`,
      __meta_docker_container_network_mode: `container:${ids["web"]}`,
      __meta_docker_network_name: "edge-a",
    });
    expect(byName.get("/hostly")).toEqual({
      __address__: "localhost",
      __meta_docker_container_id: ids["hostly"] as string,
      __meta_docker_container_name: "/hostly",
      ...(await imageLabels()),
      __meta_docker_container_network_mode: "host",
      __meta_docker_container_label_profiles: "on",
      __meta_docker_container_label_profiles_grafana_com_goroutine_scrape: "true",
      __meta_docker_container_label_profiles_grafana_com_goroutine_port: String(hostPort),
      ...(await networkLabels("host")),
    });
    expect(byName.has("/lonely")).toBe(false);
    const skipped = 'discovery_skipped_objects{component_id="discovery.docker.test",reason="no_address"} 1';
    expect(await discovery.metricsText()).toContain(skipped);
  });

  test("takes all networks where it is told to", async () => {
    await using discovery = runDiscovery(dockerKind, { host: engine.host, match_first_network: false });
    const ips = await Promise.all(["edge-a", "edge-b"].map((network) => addressIn(engine, "web", network)));
    const plain = await addressIn(engine, "plain", "edge-a");
    const web = ips.flatMap((ip) => [`${ip}:6060`, `${ip}:80`]);
    await discovery.untilAddresses([...web, `${plain}:80`, "localhost"]);
  });

  test("gives the port that is written out to whoever has none, in the host's network too", async () => {
    const host_networking_host = "10.1.2.3";
    await using discovery = runDiscovery(dockerKind, { host: engine.host, port: 6061, host_networking_host });
    const [web, plain] = [await addressIn(engine, "web", "edge-a"), await addressIn(engine, "plain", "edge-a")];
    await discovery.untilAddresses([`${web}:6060`, `${plain}:6061`, `${web}:6061`, "10.1.2.3:6061"]);
  });

  test("lets the daemon filter", async () => {
    const filter = [
      { name: "label", values: ["profiles=on"] },
      { name: "name", values: ["web", "plain"] },
    ];
    await using discovery = runDiscovery(dockerKind, { host: engine.host, filter });
    await discovery.untilAddresses([`${await addressIn(engine, "web", "edge-a")}:6060`]);
    discovery.apply({ host: engine.host, filter: { name: "colour", values: "red" } });
    const { lastError } = await discovery.untilStatus("it is refused", (status) => status.lastError !== undefined);
    expect(lastError).toBe(
      `Cannot list the containers of "${engine.host}": the server answered HTTP status 400 with "Invalid filter 'colour'"`,
    );
    expect(discovery.addresses()).toHaveLength(1);
  });

  test("says what to do where the socket belongs to others", async () => {
    const script = join(import.meta.dirname, "ask-docker.ts");
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    await runChild(["chmod", "711", join(engine.socketPath, "..")]);
    const { stdout, stderr } = await runChild([...nobody, process.execPath, script, engine.host], {
      env: { HOME: "/tmp" },
    });
    expect(stdout || stderr).toBe(
      `permission: Cannot list the containers of "${engine.host}": Cannot connect to "${engine.host}": permission denied; let the user that the agent runs as write to it, usually by adding it to the group of the socket, "docker", and starting the agent again (whoever may write to this socket can become root)\n`,
    );
  });

  test("feeds a running agent, which scrapes what it finds and names the services after the containers", async () => {
    await using server = await startPushServer();
    await using agent = await startAgent(`
[discovery.docker.local]
host = "${engine.host}"
filter = [{ name = "name", values = ["web"] }]
refresh_interval = "1s"
[pyroscope.scrape.containers]
targets = ["discovery.docker.local"]
forward_to = ["pyroscope.write.test"]
scrape_interval = "2s"
[[pyroscope.write.test.endpoint]]
url = "${server.url}"
`);
    await server.waitFor(() => server.accepted.some(({ labels }) => labels["__name__"] === "goroutine"), {
      timeoutMs: 20_000,
    });
    const ip = await addressIn(engine, "web", "edge-a");
    expect(server.accepted[0]?.labels).toMatchObject({ service_name: "web", instance: `${ip}:6060` });
    expect(Object.keys(server.accepted[0]?.labels ?? {}).filter((name) => name.startsWith("__meta"))).toEqual([]);
    expect(await agent.metric("discovery_targets", { component_id: "discovery.docker.local" })).toBe(1);
  });

  test("feeds a running agent with what containers ask for by label, in the network of the host too", async () => {
    await using server = await startPushServer();
    await using agent = await startAgent(`
[discovery.docker.local]
host = "${engine.host}"
[pyroscope.scrape.containers]
targets = ["discovery.docker.local"]
rules_preset = "kubernetes-annotations"
forward_to = ["pyroscope.write.test"]
scrape_interval = "2s"
[[pyroscope.write.test.endpoint]]
url = "${server.url}"
`);
    await server.waitFor(() => server.accepted.length > 1, { timeoutMs: 20_000 });
    const sent = server.accepted.map(({ labels }) => [labels["service_name"], labels["instance"], labels["__name__"]]);
    const expected = ["hostly", `localhost:${hostPort}`, "goroutine"];
    expect(sent).toEqual(sent.map(() => expected));
    expect((await agent.targets()).map(({ url }) => url)).toEqual([
      `http://localhost:${hostPort}/debug/pprof/goroutine`,
    ]);
  });

  test("follows containers that come and go, and keeps what it knows while the daemon is away", async () => {
    await using discovery = runDiscovery(dockerKind, {
      host: engine.host,
      filter: [{ name: "label", values: ["profiles=on"] }],
      refresh_interval: "100ms",
    });
    const web = `${await addressIn(engine, "web", "edge-a")}:6060`;
    await discovery.untilAddresses([web, "localhost"]);
    await engine.cli("stop", "--time", "0", "hostly");
    await discovery.untilAddresses([web]);
    await engine.cli("start", "hostly");
    await discovery.untilAddresses([web, "localhost"]);
    await engine.cli("rm", "--force", "hostly");
    await discovery.untilAddresses([web]);
    process.kill(engine.pid, "SIGSTOP");
    const { lastError } = await discovery.untilStatus("it is away", (status) => status.lastError !== undefined);
    expect(lastError).toContain("within 100ms");
    expect(discovery.addresses()).toEqual([web]);
    process.kill(engine.pid, "SIGCONT");
    await discovery.untilStatus("it is back", (status) => status.lastError === undefined);
  });
});

describe.skipIf(!isRunning(podman))("discovery.docker with Podman", () => {
  const engine = podman as ContainerEngine;

  test("finds containers, those in the network of the host and those that share a network too", async () => {
    const published = await freePort();
    await engine.cli("network", "create", "edge-p");
    await engine.run(
      "pod-web",
      `--network edge-p --label app=x --expose 6060 --expose 9000/udp --publish 127.0.0.1:${published}:6061`.split(" "),
      ["-addr", "0.0.0.0:6060"],
    );
    await engine.run("pod-sidecar", ["--network", "container:pod-web"], ["-addr", "0.0.0.0:6061"]);
    await engine.run("pod-host", ["--network", "host"], ["-addr", "127.0.0.1:0"]);
    await engine.run("pod-lonely", ["--network", "none"], ["-addr", "127.0.0.1:0"]);
    try {
      await using discovery = runDiscovery(dockerKind, { host: engine.host, port: 6062 });
      await eventually("all are found", () => (discovery.targets().length === 4 ? true : undefined));
      const byName = new Map(
        discovery.targets().map((target) => [target["__meta_docker_container_name"], { ...target }]),
      );
      const ip = await addressIn(engine, "pod-web", "edge-p");
      expect(byName.get("/pod-host")).toMatchObject({
        __address__: "localhost:6062",
        __meta_docker_container_network_mode: "host",
      });
      const publicPorts = new Map(
        discovery.targets().map((target) => [target["__address__"], target["__meta_docker_port_public"]]),
      );
      expect([publicPorts.has(`${ip}:6060`), publicPorts.get(`${ip}:6060`)]).toEqual([true, undefined]);
      expect(byName.get("/pod-web")).toMatchObject({
        __meta_docker_container_label_app: "x",
        __meta_docker_network_ip: ip,
        __meta_docker_network_name: "edge-p",
        __meta_docker_network_scope: "local",
      });
      expect(byName.get("/pod-sidecar")?.["__address__"]).toBe(`${ip}:6061`);
    } finally {
      for (const name of ["pod-sidecar", "pod-web", "pod-host", "pod-lonely"])
        await engine.cli("rm", "--force", "--time", "0", name);
      await engine.cli("network", "rm", "edge-p");
    }
  });
});
