import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { hasKubeApiserver, KubeApiserver } from "../kubernetes/kube-apiserver.ts";
import { allow, runningPod } from "../kubernetes/kubernetes-api.ts";
import { eventually } from "../support/child.ts";
import { startPushServer } from "../support/push-server.ts";
import { type Agent, startAgent } from "./agent.ts";
import { startRecordedTarget } from "./recorded-target.ts";

// Real programs on a real clock.
setDefaultTimeout(120_000);

function config(server: KubeApiserver, pushUrl: string): string {
  return `
[discovery.kubernetes.pods]
role = "pod"
api_server = "${server.url}"
bearer_token_file = "${server.accountDirectory}/token"
tls_config.ca_file = "${server.accountDirectory}/ca.crt"
node_name = "n1"
attach_metadata = { node = true, namespace = true }

[pyroscope.scrape.pods]
targets = ["discovery.kubernetes.pods.targets"]
forward_to = ["pyroscope.write.test"]
scrape_interval = "1s"
rule = [
  { source_labels = ["__meta_kubernetes_pod_container_port_name"], regex = "pprof", action = "keep" },
  { source_labels = ["__meta_kubernetes_pod_name"], target_label = "pod" },
  { source_labels = ["__meta_kubernetes_node_label_zone"], target_label = "zone" },
]
[pyroscope.scrape.pods.profiling_config.profile]
block.enabled = false
memory.enabled = false
mutex.enabled = false
process_cpu.enabled = false

[[pyroscope.write.test.endpoint]]
url = "${pushUrl}"
`;
}

async function untilInstances(agent: Agent, wanted: readonly string[]): Promise<void> {
  await eventually(`the targets are ${wanted.join(", ")}`, async () => {
    const found = (await agent.targets()).map(({ labels }) => labels["instance"] ?? "").sort();
    return JSON.stringify(found) === JSON.stringify(wanted) || undefined;
  });
}

describe.skipIf(!hasKubeApiserver)("an agent that discovers the pods of its node", () => {
  test("scrapes those that come, stops with those that go, and names services after pods", async () => {
    await using target = await startRecordedTarget();
    await using push = await startPushServer({ rules: { maxAgeMs: Number.POSITIVE_INFINITY } });
    await using server = await KubeApiserver.start();
    const { api } = server;
    await allow(api, { user: "agent", resources: ["pods", "nodes", "namespaces"] });
    await api.create("/api/v1/namespaces", { kind: "Namespace", metadata: { name: "shop" } });
    await api.create("/api/v1/nodes", { kind: "Node", metadata: { name: "n1", labels: { zone: "a" } } });
    const address = (host: number): string => `127.0.0.${host}:${target.port}`;
    const create = (name: string, host: number, more: object = {}): Promise<void> =>
      api.create(
        "/api/v1/namespaces/shop/pods",
        runningPod({ name, ip: `127.0.0.${host}`, port: target.port, ...more }),
      );
    await create("cart-1", 2);
    await create("pay-1", 3, { annotations: { "pyroscope.io/service_name": "payments" } });
    await create("far-1", 4, { node: "n2" });
    await using agent = await startAgent(config(server, push.url));

    await untilInstances(agent, [address(2), address(3)]);
    const pushed = (instance: string) => push.accepted.find(({ labels }) => labels["instance"] === instance)?.labels;
    await push.waitFor(() => pushed(address(2)) !== undefined && pushed(address(3)) !== undefined);
    const series = { __name__: "goroutine", job: "pyroscope.scrape.pods", zone: "a" };
    expect(pushed(address(2))).toEqual({ ...series, instance: address(2), pod: "cart-1", service_name: "shop/app" });
    expect(pushed(address(3))).toEqual({ ...series, instance: address(3), pod: "pay-1", service_name: "payments" });

    await api.delete("/api/v1/namespaces/shop/pods/cart-1");
    await create("cart-2", 5);
    await untilInstances(agent, [address(3), address(5)]);
    const answers = target.answers.get("127.0.0.2") ?? 0;
    await push.waitFor(() => pushed(address(5)) !== undefined);
    expect(target.answers.get("127.0.0.2"), "a pod that is gone is not asked again").toBe(answers);
    expect(target.answers.has("127.0.0.4"), "the pod of another node is not asked").toBe(false);

    await server.stop();
    await eventually("the failure shows", async () => {
      const text = await (await agent.get("/api/v0/components/discovery.kubernetes.pods")).text();
      return text.includes("Cannot watch pods: Cannot connect to") || undefined;
    });
    const before = push.accepted.length;
    await push.waitFor(() => push.accepted.length > before + 2);
    await untilInstances(agent, [address(3), address(5)]);
    expect(await agent.metric("discovery_refresh_failures_total", { reason: "refused" })).toBeGreaterThan(0);
  });
});
