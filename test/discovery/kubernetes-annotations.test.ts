// What pods ask for by annotation, from a real kube-apiserver to the requests of a running agent. Their addresses are of this machine.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Agent, startAgent, type TargetView } from "../e2e/agent.ts";
import { hasKubeApiserver, KubeApiserver } from "../kubernetes/kube-apiserver.ts";
import { allow, type KubernetesApi, runningPod } from "../kubernetes/kubernetes-api.ts";
import { eventually } from "../support/child.ts";
import { type PushServer, startPushServer } from "../support/push-server.ts";
import { recording } from "../support/recordings.ts";

// An API server, an agent and a place to push to, all of them real.
setDefaultTimeout(60_000);

const pods = "/api/v1/namespaces/shop/pods";

type Asked = Readonly<Record<string, string>>;

const annotations = (asked: Asked): Asked =>
  Object.fromEntries(Object.entries(asked).map(([name, value]) => [`profiles.grafana.com/${name}`, value]));

interface Port {
  readonly name: string;
  readonly containerPort: number;
  readonly protocol?: string;
}

/** A pod with these containers, and one that only prepares it. */
function podOf(
  { name, ip, asked, phase = "Running" }: { name: string; ip: string; asked: Asked; phase?: string },
  containers: Readonly<Record<string, readonly Port[]>>,
) {
  const pod = runningPod({ name, ip, annotations: annotations(asked) });
  const spec = {
    ...pod.spec,
    containers: Object.entries(containers).map(([title, ports]) => ({ name: title, image: "shop:1", ports })),
    initContainers: [{ name: "setup", image: "shop:1", ports: [{ name: "setup", containerPort: 9999 }] }],
  };
  return { ...pod, spec, status: { ...pod.status, phase } };
}

describe.skipIf(!hasKubeApiserver)('pods of a real API under rules_preset = "kubernetes-annotations"', () => {
  let server: KubeApiserver;
  let api: KubernetesApi;
  let pushed: PushServer;
  let agent: Agent;
  /** What the pod `cart-1` runs. */
  let program: Server;
  let port: number;

  beforeAll(async () => {
    server = await KubeApiserver.start();
    ({ api } = server);
    await allow(api, { user: "agent", resources: ["pods"] });
    await api.create("/api/v1/namespaces", { kind: "Namespace", metadata: { name: "shop" } });
    program = createServer((_request, response) => void response.end(recording("allocs", 1)));
    program.listen(0, "127.0.0.1");
    await once(program, "listening");
    ({ port } = program.address() as AddressInfo);
    for (const pod of initialPods()) await api.create(pods, pod);
    pushed = await startPushServer({ rules: { maxAgeMs: Infinity } });
    agent = await startAgent(`
[discovery.kubernetes.pods]
role = "pod"
api_server = "${server.url}"
bearer_token_file = "${join(server.accountDirectory, "token")}"
tls_config = { ca_file = "${join(server.accountDirectory, "ca.crt")}" }
[pyroscope.scrape.pods]
targets = ["discovery.kubernetes.pods"]
rules_preset = "kubernetes-annotations"
forward_to = ["pyroscope.write.test"]
scrape_interval = "2s"
rule = [{ action = "labelmap", regex = "__meta_kubernetes_pod_label_(.+)" }]
[pyroscope.write.test]
endpoint = { url = "${pushed.url}" }
`);
  }, 120_000);

  afterAll(async () => {
    await agent[Symbol.asyncDispose]();
    await pushed.close();
    program.close();
    await server[Symbol.asyncDispose]();
  }, 30_000);

  /** Ports with nobody behind them, but for that of `cart-1`. */
  function initialPods() {
    const http = { name: "http", containerPort: 8080 };
    const pprof = { name: "pprof", containerPort: 6060 };
    const everything = { "goroutine.scrape": "true" };
    return [
      podOf(
        {
          name: "cart-1",
          ip: "127.0.0.1",
          asked: { "memory.scrape": "true", "memory.port": String(port), "memory.path": "/debug/pprof/heap" },
        },
        { proxy: [{ name: "metrics", containerPort: 9901 }], app: [http, { name: "own", containerPort: port }] },
      ),
      podOf(
        { name: "named-1", ip: "127.0.1.1", asked: { ...everything, "goroutine.port_name": "pprof" } },
        { app: [http, pprof] },
      ),
      podOf(
        {
          name: "hidden-1",
          ip: "127.0.1.2",
          asked: { "cpu.scrape": "true", "cpu.port": "7777", "cpu.scheme": "https", "fgprof.scrape": "true" },
        },
        { app: [] },
      ),
      podOf({ name: "every-1", ip: "127.0.1.3", asked: everything }, { app: [http, pprof] }),
      podOf({ name: "off-1", ip: "127.0.1.4", asked: { "memory.scrape": "false" } }, { app: [pprof] }),
      podOf({ name: "silent-1", ip: "127.0.1.5", asked: {} }, { app: [pprof] }),
      podOf({ name: "done-1", ip: "127.0.1.6", asked: everything, phase: "Succeeded" }, { app: [pprof] }),
      podOf({ name: "starting-1", ip: "127.0.1.7", asked: everything, phase: "Pending" }, { app: [pprof] }),
    ];
  }

  const fixed = [
    "https://127.0.1.2:7777/debug/pprof/profile?seconds=1",
    "http://127.0.1.2:80/debug/fgprof?seconds=1",
    "http://127.0.1.1:6060/debug/pprof/goroutine",
    "http://127.0.1.3:6060/debug/pprof/goroutine",
    "http://127.0.1.3:8080/debug/pprof/goroutine",
  ];

  /** The targets once exactly these URLs are scraped. */
  async function untilScraped(urls: readonly string[]): Promise<readonly TargetView[]> {
    const wanted = urls.toSorted((a, b) => (a < b ? -1 : 1));
    let last: readonly string[] = [];
    const scraped = async (): Promise<readonly TargetView[] | undefined> => {
      const targets = await agent.targets();
      last = targets.map(({ url }) => url).sort();
      return JSON.stringify(last) === JSON.stringify(wanted) ? targets : undefined;
    };
    return eventually("these", scraped).catch(() => {
      expect(last).toEqual(wanted);
      throw new Error("They came too late");
    });
  }

  test("are scraped where, and for what, they ask for, and the others are left alone", async () => {
    const targets = await untilScraped([`http://127.0.0.1:${port}/debug/pprof/heap`, ...fixed]);
    expect(targets.find(({ url }) => url.endsWith("/heap"))?.labels).toEqual({
      __name__: "memory",
      __delta__: "false",
      job: "pyroscope.scrape.pods",
      instance: `127.0.0.1:${port}`,
      namespace: "shop",
      pod: "cart-1",
      container: "app",
      service_name: "shop/app",
    });
  });

  test("have their profiles pushed, follow their annotations and go at once", async () => {
    const ofCart = () => pushed.accepted.filter(({ labels }) => labels["pod"] === "cart-1");
    await pushed.waitFor(() => ofCart().length > 0, { timeoutMs: 20_000 });
    expect(new Set(ofCart().map(({ labels }) => labels["__name__"]))).toEqual(new Set(["memory"]));
    const asked = { "mutex.scrape": "true", "mutex.port": String(port) };
    await api.patch(`${pods}/cart-1`, { metadata: { annotations: annotations(asked), labels: { tier: "gold" } } });
    const [first] = await untilScraped([
      `http://127.0.0.1:${port}/debug/pprof/heap`,
      `http://127.0.0.1:${port}/debug/pprof/mutex`,
      ...fixed,
    ]).then((targets) => targets.filter(({ type }) => type === "mutex"));
    expect(first?.labels).toMatchObject({ tier: "gold", container: "app" });
    await api.patch(`${pods}/cart-1`, { metadata: { annotations: annotations({ "memory.scrape": "false" }) } });
    await untilScraped([`http://127.0.0.1:${port}/debug/pprof/mutex`, ...fixed]);
    await api.delete(`${pods}/cart-1`);
    await untilScraped(fixed);
  });
});
