import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { dockerswarmKind } from "../../src/discovery/dockerswarm.ts";
import { eventually } from "../support/child.ts";
import { freePort } from "../support/free-port.ts";
import { type ContainerEngine, image, isRunning, startDocker } from "./container-engines.ts";
import { runDiscovery } from "./running-discovery.ts";

// A real swarm of one node.
setDefaultTimeout(60_000);

const docker = await startDocker();

afterAll(async () => {
  if (isRunning(docker)) await docker[Symbol.asyncDispose]();
});

const prefix = "__meta_dockerswarm_";

/** What `docker inspect` says, as far as it is read here. */
interface Inspected {
  readonly ID: string;
  readonly Endpoint: { readonly VirtualIPs: readonly { readonly Addr: string; readonly NetworkID: string }[] };
  readonly Status: { readonly ContainerStatus: { readonly ContainerID: string } };
  readonly NetworksAttachments?: readonly { readonly Addresses: readonly string[] }[];
}

describe.skipIf(!isRunning(docker))("discovery.dockerswarm with Docker's own swarm", () => {
  const engine = docker as ContainerEngine;
  let ingressPort: number;
  let hostPort: number;
  let nodeId: string;

  const inspect = async (what: "service" | "task", id: string): Promise<Inspected> => {
    const command = what === "service" ? ["service", "inspect", id] : ["inspect", "--type", "task", id];
    return (JSON.parse(await engine.cli(...command)) as [Inspected])[0];
  };
  const tasksOf = async (service: string): Promise<readonly Inspected[]> => {
    const ids = await engine.cli("service", "ps", "--quiet", "--no-trunc", service);
    return Promise.all(ids.split("\n").map((id) => inspect("task", id)));
  };
  const ipOf = (cidr = ""): string => cidr.replace(/\/.*/, "");

  beforeAll(async () => {
    let managementPort: number;
    let dataPort: number;
    [ingressPort, hostPort, managementPort, dataPort] = await Promise.all([
      freePort(),
      freePort(),
      freePort(),
      freePort(),
    ]);
    const at = ["--advertise-addr", "127.0.0.1", "--listen-addr", `127.0.0.1:${managementPort}`];
    // With a port of its own, its networks meet nobody else's of the same number.
    await engine.cli("swarm", "init", ...at, "--data-path-port", String(dataPort));
    nodeId = await engine.cli("node", "ls", "--quiet");
    await engine.cli("node", "update", "--label-add", "rack.row=7", nodeId);
    await engine.cli("network", "create", "--driver", "overlay", "--label", "site=north", "inside");
    const create = ["service", "create", "--detach", "--quiet"];
    const limits = ["--ulimit", "nproc=1024:1024"];
    const program = [image, "/app", "-addr"];
    const web = [
      "--name",
      "web",
      "--network",
      "inside",
      "--replicas",
      "2",
      "--label",
      "team=a",
      "--container-label",
      "tier=front",
    ];
    await engine.cli(
      ...create,
      ...limits,
      ...web,
      "--hostname",
      "web-host",
      "--publish",
      `${ingressPort}:6060`,
      ...program,
      "0.0.0.0:6060",
    );
    await engine.cli(...create, ...limits, "--name", "quiet", "--network", "inside", ...program, "0.0.0.0:6060");
    await engine.cli(...create, ...limits, "--name", "hostly", "--network", "host", ...program, "127.0.0.1:0");
    const published = `mode=host,target=6060,published=${hostPort}`;
    await engine.cli(
      ...create,
      ...limits,
      "--name",
      "everywhere",
      "--mode",
      "global",
      "--publish",
      published,
      ...program,
      "0.0.0.0:6060",
    );
    await eventually(
      "all tasks run",
      async () => {
        const states = await engine.cli("node", "ps", "--format", "{{.CurrentState}}", nodeId);
        return states.split("\n").filter((state) => state.startsWith("Running")).length === 5 ? true : undefined;
      },
      30_000,
    );
  });

  afterAll(async () => {
    await engine.cli("swarm", "leave", "--force").catch(() => undefined);
  });

  const webLabels = {
    [`${prefix}service_name`]: "web",
    [`${prefix}service_mode`]: "replicated",
    [`${prefix}service_label_team`]: "a",
  };
  const insideLabels = {
    [`${prefix}network_name`]: "inside",
    [`${prefix}network_scope`]: "swarm",
    [`${prefix}network_internal`]: "false",
    [`${prefix}network_ingress`]: "false",
    [`${prefix}network_label_site`]: "north",
  };

  test("makes a target of every virtual IP and published port of a service", async () => {
    await using discovery = runDiscovery(dockerswarmKind, { host: engine.host, role: "services", port: 7070 });
    const [web, quiet] = await Promise.all([inspect("service", "web"), inspect("service", "quiet")]);
    const webIps = web.Endpoint.VirtualIPs.map(({ Addr }) => ipOf(Addr));
    expect(webIps).toHaveLength(2);
    const quietIp = ipOf(quiet.Endpoint.VirtualIPs[0]?.Addr);
    // "hostly" has a virtual IP without an address, which must not cost the others; "everywhere" has none.
    await discovery.untilAddresses([...webIps.map((ip) => `${ip}:${ingressPort}`), `${quietIp}:7070`]);
    const inside = discovery
      .targets()
      .find((target) => target[`${prefix}network_name`] === "inside" && target[`${prefix}service_name`] === "web");
    const networkId = await engine.cli("network", "inspect", "--format", "{{.Id}}", "inside");
    expect({ ...inside }).toEqual({
      __address__: `${ipOf(web.Endpoint.VirtualIPs.find(({ NetworkID }) => NetworkID === networkId)?.Addr)}:${ingressPort}`,
      [`${prefix}service_id`]: web.ID,
      ...webLabels,
      [`${prefix}service_endpoint_port_publish_mode`]: "ingress",
      [`${prefix}service_task_container_hostname`]: "web-host",
      [`${prefix}service_task_container_image`]: image,
      [`${prefix}network_id`]: networkId,
      ...insideLabels,
    });
    const skipped = 'discovery_skipped_objects{component_id="discovery.dockerswarm.test",reason="no_address"} 2';
    expect(await discovery.metricsText()).toContain(skipped);
  });

  const nodeLabels = async (): Promise<Record<string, string>> => ({
    [`${prefix}node_id`]: nodeId,
    [`${prefix}node_role`]: "manager",
    [`${prefix}node_address`]: "127.0.0.1",
    [`${prefix}node_availability`]: "active",
    [`${prefix}node_hostname`]: await engine.cli("node", "inspect", "--format", "{{.Description.Hostname}}", nodeId),
    [`${prefix}node_platform_architecture`]: await engine.cli(
      "node",
      "inspect",
      "--format",
      "{{.Description.Platform.Architecture}}",
      nodeId,
    ),
    [`${prefix}node_platform_os`]: "linux",
    [`${prefix}node_status`]: "ready",
    [`${prefix}node_label_rack_row`]: "7",
  });

  test("makes a target of every task in every network, and of every port on its node", async () => {
    await using discovery = runDiscovery(dockerswarmKind, { host: engine.host, role: "tasks" });
    const [webTasks, [quiet], [everywhere]] = (await Promise.all(["web", "quiet", "everywhere"].map(tasksOf))) as [
      readonly Inspected[],
      readonly Inspected[],
      readonly Inspected[],
    ];
    const ipsOf = (task: Inspected | undefined): readonly string[] =>
      task?.NetworksAttachments?.flatMap(({ Addresses }) => Addresses.map(ipOf)) ?? [];
    const ofWeb = webTasks.flatMap((task) => ipsOf(task).map((ip) => `${ip}:${ingressPort}`));
    expect(ofWeb).toHaveLength(4);
    await discovery.untilAddresses([...ofWeb, ...ipsOf(quiet).map((ip) => `${ip}:80`), `127.0.0.1:${hostPort}`]);
    const byAddress = new Map(discovery.targets().map((target) => [target["__address__"], { ...target }]));
    expect(byAddress.get(`127.0.0.1:${hostPort}`)).toEqual({
      __address__: `127.0.0.1:${hostPort}`,
      [`${prefix}task_id`]: everywhere?.ID as string,
      [`${prefix}task_container_id`]: everywhere?.Status.ContainerStatus.ContainerID as string,
      [`${prefix}task_desired_state`]: "running",
      [`${prefix}task_state`]: "running",
      [`${prefix}task_slot`]: "0",
      [`${prefix}task_port_publish_mode`]: "host",
      [`${prefix}service_id`]: (await inspect("service", "everywhere")).ID,
      [`${prefix}service_name`]: "everywhere",
      [`${prefix}service_mode`]: "global",
      ...(await nodeLabels()),
    });
    const ofInside = discovery.targets().filter((target) => target[`${prefix}network_name`] === "inside");
    expect(ofInside.find((target) => target[`${prefix}service_name`] === "web")).toMatchObject({
      ...webLabels,
      ...insideLabels,
      [`${prefix}container_label_tier`]: "front",
      [`${prefix}task_port_publish_mode`]: "ingress",
    });
  });

  test("makes a target of every node", async () => {
    await using discovery = runDiscovery(dockerswarmKind, { host: engine.host, role: "nodes", port: 9323 });
    await discovery.untilAddresses(["127.0.0.1:9323"]);
    expect({ ...discovery.targets()[0] }).toEqual({
      __address__: "127.0.0.1:9323",
      ...(await nodeLabels()),
      [`${prefix}node_engine_version`]: await engine.cli("version", "--format", "{{.Server.Version}}"),
      [`${prefix}node_manager_leader`]: "true",
      [`${prefix}node_manager_reachability`]: "reachable",
      [`${prefix}node_manager_address`]: await engine.cli(
        "node",
        "inspect",
        "--format",
        "{{.ManagerStatus.Addr}}",
        nodeId,
      ),
    });
  });

  test("filters, follows what comes and goes, and says what is wrong once there is no swarm", async () => {
    const filter = { name: "name", values: ["quiet", "later"] };
    const args = { host: engine.host, role: "services", filter, refresh_interval: "100ms" };
    await using discovery = runDiscovery(dockerswarmKind, args);
    const address = async (name: string): Promise<string> =>
      `${ipOf((await inspect("service", name)).Endpoint.VirtualIPs[0]?.Addr)}:80`;
    await discovery.untilAddresses([await address("quiet")]);
    await engine.cli(
      "service",
      "create",
      "--detach",
      "--quiet",
      "--name",
      "later",
      "--network",
      "inside",
      "--replicas",
      "0",
      image,
      "/app",
    );
    await discovery.untilAddresses([await address("quiet"), await address("later")]);
    await engine.cli("service", "rm", "quiet");
    const later = await address("later");
    await discovery.untilAddresses([later]);
    await engine.cli("swarm", "leave", "--force");
    const { lastError } = await discovery.untilStatus("it failed", (status) => status.lastError !== undefined);
    expect(lastError).toContain(
      `of "${engine.host}": the server answered HTTP status 503 with "This node is not a swarm manager.`,
    );
    expect(discovery.addresses()).toEqual([later]);
  });
});
