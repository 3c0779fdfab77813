import { describe, expect, test } from "bun:test";
import process from "node:process";
import { limits } from "../../src/base/index.ts";
import { dockerHostProblem, dockerUrl } from "../../src/discovery/docker/docker-host.ts";
import { dockerKind } from "../../src/discovery/docker.ts";
import { dockerswarmKind } from "../../src/discovery/dockerswarm.ts";
import { parseIn, runDiscovery } from "./running-discovery.ts";
import { type DockerAnswers, silence, startScriptedDocker } from "./scripted-docker.ts";

const network = (id: string, IPAddress: string, more: object = {}): object => ({ NetworkID: id, IPAddress, ...more });
const container = (name: string, networks: object | null, more: object = {}): object => ({
  Id: `id-${name}`,
  Names: [`/${name}`],
  HostConfig: { NetworkMode: "x" },
  NetworkSettings: { Networks: networks },
  ...more,
});

describe("What Docker answers", () => {
  const odd: readonly [title: string, containers: readonly object[], addresses: readonly string[]][] = [
    ["an IPv6 network", [container("a", { n: network("n", "", { GlobalIPv6Address: "fd00::2" }) })], ["[fd00::2]:80"]],
    ["both", [container("a", { n: network("n", "10.0.0.2", { GlobalIPv6Address: "fd00::2" }) })], ["10.0.0.2:80"]],
    [
      "a first network without an address",
      [container("a", { a: network("a", ""), b: network("b", "10.0.0.2") })],
      ["10.0.0.2:80"],
    ],
    ["a network that is null", [container("a", { a: null, b: network("b", "10.0.0.2") })], ["10.0.0.2:80"]],
    ["no networks", [container("a", null)], []],
    ["no name", [{ ...container("a", { n: network("n", "10.0.0.2") }), Names: null }], []],
    [
      "ports of other protocols beside",
      [
        container(
          "a",
          { n: network("n", "10.0.0.2") },
          {
            Ports: [
              { PrivatePort: 1, Type: "udp" },
              { PrivatePort: 2, Type: "tcp" },
              { PrivatePort: 3, Type: "sctp" },
            ],
          },
        ),
      ],
      ["10.0.0.2:2"],
    ],
    [
      "a network shared twice over",
      [
        container("a", { n: network("n", "10.0.0.2") }),
        container("b", {}, { HostConfig: { NetworkMode: "container:id-a" } }),
        container("c", {}, { HostConfig: { NetworkMode: "container:id-b" }, Ports: [{ PrivatePort: 9, Type: "tcp" }] }),
      ],
      ["10.0.0.2:80", "10.0.0.2:80", "10.0.0.2:9"],
    ],
    ["a shared network of nobody", [container("a", {}, { HostConfig: { NetworkMode: "container:gone" } })], []],
    [
      "two that share with each other",
      [
        container("a", {}, { HostConfig: { NetworkMode: "container:id-b" } }),
        container("b", {}, { HostConfig: { NetworkMode: "container:id-a" } }),
      ],
      [],
    ],
    [
      "a shared network of the host",
      [
        container("a", { host: network("h", "") }, { HostConfig: { NetworkMode: "host" } }),
        container("b", {}, { HostConfig: { NetworkMode: "container:id-a" } }),
      ],
      ["localhost", "localhost"],
    ],
  ];

  test.concurrent.each(odd)("may hold %s", async (_title, containers, addresses) => {
    await using daemon = await startScriptedDocker({ "/containers/json": containers, "/networks": [] });
    await using discovery = runDiscovery(dockerKind, { host: daemon.host });
    await discovery.untilStatus("it was asked", ({ lastSuccessMs }) => lastSuccessMs !== undefined);
    await discovery.untilAddresses(addresses);
  });

  const exposed = (count: number): readonly object[] =>
    Array.from({ length: count }, (_, index) => ({ PrivatePort: index + 1, Type: "tcp" }));

  test("may expose every port: the first hundred are taken, the rest is counted", async () => {
    const inN = { n: network("n", "10.0.0.2") };
    await using daemon = await startScriptedDocker({
      "/containers/json": [container("all", inN, { Ports: exposed(65_535) }), container("good", inN)],
      "/networks": [],
    });
    await using discovery = runDiscovery(dockerKind, { host: daemon.host });
    await discovery.untilStatus("it was asked", ({ targets }) => targets === limits.containerPorts + 1);
    expect(await discovery.metricsText()).toContain('reason="too_many_ports"} 65435');
  });

  test("may be too much: nothing more is made of it then", async () => {
    const networks = Object.fromEntries(
      Array.from({ length: 2 * limits.discoveredTargets }, (_, index) => [`n${index}`, network("n", "10.0.0.2")]),
    );
    const listed = [container("a", networks, { Ports: exposed(100), Labels: { note: "x".repeat(1000) } })];
    await using daemon = await startScriptedDocker({ "/containers/json": listed, "/networks": [] });
    const before = process.memoryUsage().rss;
    await using discovery = runDiscovery(dockerKind, { host: daemon.host, match_first_network: false });
    const { lastError } = await discovery.untilStatus("it failed", (status) => status.lastError !== undefined);
    expect(lastError).toStartWith(`Cannot take the targets of "${daemon.host}": they are more than 20000; narrow down`);
    expect(process.memoryUsage().rss - before).toBeLessThan(500 * 1024 ** 2);
  });

  test("may leave the network mode out; then the container is asked, once", async () => {
    const host = container("a", null, { HostConfig: null });
    await using daemon = await startScriptedDocker({
      "/containers/json": [host],
      "/containers/id-a/json": { HostConfig: { NetworkMode: "host" } },
      "/networks": [],
    });
    await using discovery = runDiscovery(dockerKind, { host: daemon.host, refresh_interval: "400ms" });
    await discovery.untilAddresses(["localhost"]);
    await daemon.untilAsked("/networks", 3);
    expect(daemon.asked.filter((path) => path === "/containers/id-a/json")).toHaveLength(1);
  });

  test("may leave out, as Podman does, the ports that are not published; then the containers are asked, once", async () => {
    const inN = { n: network("n", "10.0.0.2") };
    const published = { Ports: [{ PrivatePort: 8080, PublicPort: 80, Type: "tcp", IP: "0.0.0.0" }] };
    const containers = [container("a", inN, published), container("b", { n: network("n", "10.0.0.3") })];
    const answers = {
      "/containers/json": [...containers, container("gone", { n: network("n", "10.0.0.4") })],
      "/containers/id-a/json": { Config: { ExposedPorts: { "6060/tcp": {}, "8080/tcp": {}, "9000/udp": {} } } },
      "/containers/id-b/json": { Config: { ExposedPorts: null } },
      "/networks": [],
    };
    await using daemon = await startScriptedDocker(answers, { isPodman: true });
    await using discovery = runDiscovery(dockerKind, { host: daemon.host, refresh_interval: "400ms" });
    await discovery.untilAddresses(["10.0.0.2:6060", "10.0.0.2:8080", "10.0.0.3:80", "10.0.0.4:80"]);
    expect(discovery.targets().find(({ __address__ }) => __address__ === "10.0.0.2:6060")).toMatchObject({
      __meta_docker_port_private: "6060",
    });
    await daemon.untilAsked("/networks", 3);
    for (const id of ["a", "b"])
      expect(daemon.asked.filter((path) => path === `/containers/id-${id}/json`)).toHaveLength(1);
    // One that is gone before it is asked has no ports to tell of.
    expect(await discovery.metricsText()).not.toContain("discovery_refresh_failures_total{");
    await using docker = await startScriptedDocker(answers);
    await using plain = runDiscovery(dockerKind, { host: docker.host });
    await plain.untilAddresses(["10.0.0.2:8080", "10.0.0.3:80", "10.0.0.4:80"]);
    expect([...docker.asked].sort()).toEqual(["/containers/json", "/networks"]);
  });

  const untold: readonly [title: string, answer: unknown, says: RegExp][] = [
    [
      "is no JSON",
      "<html>",
      /^Cannot tell which ports 1 of the containers expose: .* "id-odd" .* is not JSON, line 1, column 1: invalid symbol at "<html>"/,
    ],
    ["is not Docker's", { Config: { ExposedPorts: "6060/tcp" } }, /is not Docker's: "Config.ExposedPorts"/],
    ["never comes", silence, /No answer within/i],
  ];

  test.concurrent.each(untold)("may lack one container, whose answer %s", async (_title, answer, says) => {
    const answers = {
      "/containers/json": ["good", "odd"].map((name, at) =>
        container(name, { n: network("n", `10.0.0.${2 + at}`) }, { Ports: [{ PrivatePort: 8080, Type: "tcp" }] }),
      ),
      "/containers/id-good/json": { Config: { ExposedPorts: { "6060/tcp": {} } } },
      "/containers/id-odd/json": answer,
      "/networks": [],
    };
    await using daemon = await startScriptedDocker(answers, { isPodman: true });
    await using discovery = runDiscovery(dockerKind, { host: daemon.host, refresh_interval: "400ms" });
    await discovery.untilAddresses(["10.0.0.2:6060", "10.0.0.2:8080", "10.0.0.3:8080"]);
    await daemon.untilAsked("/containers/id-odd/json", 3);
    expect(daemon.asked.filter((path) => path === "/containers/id-good/json")).toHaveLength(1);
    const { shownSources, skippedObjects } = discovery.status();
    expect(shownSources.find(({ name }) => name === "exposed ports")?.lastError).toMatch(says);
    expect(skippedObjects).toBeUndefined();
    Object.assign(answers, { "/containers/id-odd/json": {} });
    await discovery.untilStatus("it is told", (status) =>
      status.shownSources.every(({ name, lastError }) => name !== "exposed ports" && lastError === undefined),
    );
  });

  const wrong: readonly [title: string, answers: DockerAnswers, says: string][] = [
    [
      "a page",
      { "/containers/json": "<html>" },
      'the answer is not JSON, line 1, column 1: invalid symbol at "<html>"; correct host',
    ],
    ["nothing at all", { "/containers/json": "" }, "the answer is empty; correct host, if"],
    ["no list", { "/containers/json": { message: "hi" } }, "the answer is not Docker's:"],
    ["a list of others", { "/containers/json": [{ Names: [] }] }, `the answer is not Docker's: "0.Id":`],
    ["no such path", { "/containers/json": undefined }, 'answered HTTP status 404 with "page not found"; correct host'],
    ["broken networks", { "/containers/json": [], "/networks": [{}] }, 'Cannot list the networks of "'],
  ];

  test.concurrent.each(wrong)("is an error where it is %s", async (_title, answers, says) => {
    await using daemon = await startScriptedDocker({ "/networks": [], ...answers });
    await using discovery = runDiscovery(dockerKind, { host: daemon.host });
    const { lastError } = await discovery.untilStatus("it failed", (status) => status.lastError !== undefined);
    expect(lastError).toContain(says);
  });

  test("is asked for as the configured client asks, below a path, with the filters of one name together", async () => {
    await using daemon = await startScriptedDocker({ "/engine/containers/json": [], "/engine/networks": [] });
    const filter = [
      { name: "label", values: ["a", "b=c d"] },
      { name: "status", values: "running" },
      { name: "label", values: "e" },
    ];
    const basic_auth = { username: "edge", password: "correct-horse" };
    await using discovery = runDiscovery(dockerKind, { host: `${daemon.host}/engine/`, filter, basic_auth });
    await discovery.untilStatus("it was asked", ({ lastSuccessMs }) => lastSuccessMs !== undefined);
    const query = new URLSearchParams(daemon.asked.find((path) => path.includes("?"))?.split("?")[1]);
    expect(JSON.parse(query.get("filters") ?? "")).toEqual({ label: ["a", "b=c d", "e"], status: ["running"] });
    expect(daemon.headers[0]).toMatchObject({
      "user-agent": "pprof-agent/test",
      authorization: `Basic ${Buffer.from("edge:correct-horse").toString("base64")}`,
    });
  });
});

describe("What a swarm answers", () => {
  const nodes = [
    { ID: "n1", Spec: { Labels: { "a-b": "1", "a.b": "2" } }, Status: { Addr: "10.0.0.9" } },
    { ID: "n2", Spec: {} },
  ];
  const services = [
    {
      ID: "s1",
      Spec: { Name: "a" },
      Endpoint: { Ports: [{ Protocol: "udp", PublishedPort: 1 }], VirtualIPs: [{ Addr: "fd00::5/64" }, { Addr: "" }] },
    },
    { ID: "s2", Spec: { Name: "b" } },
  ];
  const tasks = [
    {
      ID: "t1",
      NodeID: "n1",
      ServiceID: "s9",
      Status: { State: "failed", PortStatus: { Ports: [{ Protocol: "tcp", PublishedPort: 7, PublishMode: "host" }] } },
      NetworksAttachments: [{ Network: null, Addresses: ["10.1.0.2/24"] }],
    },
    { ID: "t2", NodeID: "gone", Status: { PortStatus: { Ports: [{ Protocol: "tcp", PublishedPort: 7 }] } } },
  ];
  const roles: readonly [role: string, addresses: readonly string[]][] = [
    ["nodes", ["10.0.0.9:80"]],
    ["services", ["[fd00::5]:80"]],
    ["tasks", ["10.0.0.9:7", "10.1.0.2:80"]],
  ];

  test.concurrent.each(roles)("may lack what it likes: %s", async (role, addresses) => {
    const answers = { "/nodes": nodes, "/services": services, "/tasks": tasks, "/networks": [] };
    await using daemon = await startScriptedDocker(answers);
    await using discovery = runDiscovery(dockerswarmKind, { host: daemon.host, role });
    await discovery.untilStatus("it was asked", ({ lastSuccessMs }) => lastSuccessMs !== undefined);
    await discovery.untilAddresses(addresses);
    if (role === "nodes") expect(discovery.targets()[0]?.["__meta_dockerswarm_node_label_a_b"]).toBe("2");
  });
});

describe("The host of a daemon", () => {
  const refused: readonly [host: string, says: string][] = [
    ["", "must not be empty"],
    ["/var/run/docker.sock", 'write "unix:///var/run/docker.sock"'],
    ["unix://var/run/docker.sock", "needs its absolute path"],
    ["npipe:////./pipe/docker_engine", "let the daemon listen on a unix socket or on TCP"],
    ["ssh://edge@box", "let the daemon listen on a unix socket or on TCP"],
    ["ftp://box", "expected a URL that begins with unix://, tcp:// or http:// or https://"],
    ["tcp://edge:pass@box:2375", "use basic_auth"],
    ["http://box:2375/?x=1", "must not hold a query"],
  ];

  test.each(refused)("is not %s", (host, says) => {
    const problem = dockerHostProblem(host) ?? "";
    expect(problem).toContain(says);
    expect(problem).not.toContain("pass@");
    expect(() => parseIn("/", dockerKind, { host })).toThrow(problem);
  });

  const asked: readonly [host: string, withTls: boolean, url: string][] = [
    ["unix:///var/run/docker.sock", false, "unix:///var/run/docker.sock:/networks"],
    ["unix:///run/proxy.sock:/docker/", false, "unix:///run/proxy.sock:/docker/networks"],
    ["tcp://box", false, "http://box:2375/networks"],
    ["tcp://box", true, "https://box:2376/networks"],
    ["tcp://box:80", false, "http://box/networks"],
    ["tcp://box:1234/engine", false, "http://box:1234/engine/networks"],
    ["tcp://box/engine/", false, "http://box:2375/engine/networks"],
    ["tcp://[::1]:2375/", false, "http://[::1]:2375/networks"],
    ["tcp://[fd00::1]", false, "http://[fd00::1]:2375/networks"],
    ["https://box/engine", false, "https://box/engine/networks"],
  ];

  test.each(asked)("%s (TLS: %p) is asked at %s", (host, withTls, url) => {
    expect(dockerHostProblem(host)).toBeUndefined();
    expect(dockerUrl(host, "/networks", { withTls })).toBe(url);
  });

  test.concurrent.each(["services", "tasks"])("may publish every port: a hundred are taken of %s", async (role) => {
    const Ports = Array.from({ length: 60_000 }, (_, index) => ({ Protocol: "tcp", PublishedPort: index + 1 }));
    const answers = {
      "/nodes": [],
      "/services": [{ ID: "s1", Spec: { Name: "a" }, Endpoint: { Ports, VirtualIPs: [{ Addr: "10.0.0.5/24" }] } }],
      "/tasks": [{ ID: "t1", NodeID: "", ServiceID: "s1", NetworksAttachments: [{ Addresses: ["10.1.0.2/24"] }] }],
      "/networks": [],
    };
    await using daemon = await startScriptedDocker(answers);
    await using discovery = runDiscovery(dockerswarmKind, { host: daemon.host, role });
    await discovery.untilStatus("it was asked", ({ targets }) => targets === limits.containerPorts);
    expect(await discovery.metricsText()).toContain('reason="too_many_ports"} 59900');
  });
});
