// Against a real kube-apiserver on a real etcd (test/kubernetes/kube-apiserver.ts), without kubelets and controllers: what they would
// write the tests write. Faults of the network and of the protocol: test/kubernetes/reflector.test.ts.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kubernetesKind } from "../../src/discovery/kubernetes/kubernetes-kind.ts";
import { hasKubeApiserver, KubeApiserver } from "../kubernetes/kube-apiserver.ts";
import { allow, type KubernetesApi, runningPod } from "../kubernetes/kubernetes-api.ts";
import { createAuthority } from "../support/certificates.ts";
import { eventually } from "../support/child.ts";
import { type RunningDiscovery, runDiscovery } from "./running-discovery.ts";

const meta = "__meta_kubernetes_";
const pods = "/api/v1/namespaces/shop/pods";

describe.skipIf(!hasKubeApiserver)("discovery.kubernetes", () => {
  let server: KubeApiserver;
  let api: KubernetesApi;
  const directory = mkdtempSync(join(tmpdir(), "kubernetes-"));

  beforeAll(async () => {
    server = await KubeApiserver.start();
    ({ api } = server);
    for (const name of ["shop", "lab"])
      await api.create("/api/v1/namespaces", { kind: "Namespace", metadata: { name, labels: { team: `of-${name}` } } });
    for (const name of ["n1", "n2"]) {
      const addresses = [{ type: "InternalIP", address: `192.168.0.${name.slice(1)}` }];
      const daemonEndpoints = { kubeletEndpoint: { Port: 10250 } };
      const status = { addresses, daemonEndpoints, conditions: [{ type: "Ready", status: "True" }] };
      await api.create("/api/v1/nodes", { kind: "Node", metadata: { name, labels: { zone: `zone-${name}` } }, status });
    }
    await api.create(pods, runningPod({ name: "cart-1", ip: "10.1.0.1", labels: { app: "cart" } }));
    await api.create(pods, runningPod({ name: "pay-1", ip: "10.1.0.2", node: "n2", labels: { app: "pay" } }));
    await api.create("/api/v1/namespaces/lab/pods", runningPod({ name: "lab-1", ip: "10.2.0.1" }));
    for (const resources of [
      ["pods"],
      ["services"],
      ["endpoints"],
      ["endpointslices"],
      ["ingresses"],
      ["nodes"],
      ["namespaces"],
    ])
      await allow(api, { user: "agent", resources });
  }, 120_000);

  afterAll(async () => {
    rmSync(directory, { recursive: true });
    await server[Symbol.asyncDispose]();
  });

  function access(token = join(server.accountDirectory, "token"), ca = join(server.accountDirectory, "ca.crt")) {
    return { api_server: server.url, bearer_token_file: token, tls_config: { ca_file: ca } };
  }

  function run(written: object, place: object = access()): RunningDiscovery {
    return runDiscovery(kubernetesKind, { ...place, ...written });
  }

  /** The value that a label comes to have on the target with this address. */
  const untilLabel = (
    it: RunningDiscovery,
    address: string,
    label: readonly [name: string, value: string | undefined],
  ) =>
    eventually(`${address} has ${label.join(" = ")}`, () => {
      const target = it.targets().find((candidate) => candidate["__address__"] === address);
      return target && target[meta + label[0]] === label[1] ? target : undefined;
    });

  const write = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };

  const writeKubeconfig = (user: string): string =>
    write(
      "config",
      `current-context: test
contexts: [{name: test, context: {cluster: test, user: someone}}]
clusters: [{name: test, cluster: {server: "${server.url}", certificate-authority: "${server.accountDirectory}/ca.crt"}}]
users: [{name: someone, user: ${user}}]
`,
    );

  test("pods of all namespaces are found, and come and go", async () => {
    await using it = run({ role: "pod" });
    await it.untilAddresses(["10.1.0.1:6060", "10.1.0.2:6060", "10.2.0.1:6060"]);
    await api.create(
      pods,
      runningPod({ name: "cart-2", ip: "10.1.0.3", annotations: { "pyroscope.io/service_name": "c" } }),
    );
    const found = await untilLabel(it, "10.1.0.3:6060", ["pod_annotation_pyroscope_io_service_name", "c"]);
    expect(found).toMatchObject({ [`${meta}pod_ready`]: "true", [`${meta}pod_container_name`]: "app" });
    await api.patch(`${pods}/cart-2`, { metadata: { labels: { canary: "yes" } } });
    await untilLabel(it, "10.1.0.3:6060", ["pod_label_canary", "yes"]);
    await api.delete(`${pods}/cart-2`);
    await it.untilAddresses(["10.1.0.1:6060", "10.1.0.2:6060", "10.2.0.1:6060"]);
    expect(it.status().lastError).toBeUndefined();
  });

  test.each<{ what: string; written: object; found: readonly string[] }>([
    { what: "namespaces", written: { role: "pod", namespaces: { names: ["lab", "none"] } }, found: ["10.2.0.1:6060"] },
    {
      what: "a label selector",
      written: { role: "pod", selectors: [{ role: "pod", label: "app in (cart,x)" }] },
      found: ["10.1.0.1:6060"],
    },
    {
      what: "a field selector",
      written: { role: "pod", selectors: { role: "pod", field: "spec.nodeName=n2" } },
      found: ["10.1.0.2:6060"],
    },
    {
      what: "node_name",
      written: { role: "pod", node_name: "n2", attach_metadata: { node: true } },
      found: ["10.1.0.2:6060"],
    },
    {
      what: "node_name beside a selector",
      written: {
        role: "pod",
        node_name: "n1",
        selectors: { role: "pod", label: "app", field: "metadata.namespace=shop" },
      },
      found: ["10.1.0.1:6060"],
    },
    {
      what: "a selector of nodes",
      written: { role: "pod", attach_metadata: { node: true }, selectors: { role: "node", label: "zone=zone-n2" } },
      found: ["10.1.0.2:6060"],
    },
    { what: "the role node", written: { role: "node" }, found: ["192.168.0.1:10250", "192.168.0.2:10250"] },
    { what: "the role node and node_name", written: { role: "node", node_name: "n1" }, found: ["192.168.0.1:10250"] },
  ])("with $what exactly these are found", async ({ written, found }) => {
    await using it = run(written);
    await it.untilAddresses(found);
  });

  test("labels of node and namespace are attached and follow them", async () => {
    await using it = run({
      role: "pod",
      namespaces: { names: ["shop"] },
      attach_metadata: { node: true, namespace: true },
    });
    const found = await untilLabel(it, "10.1.0.1:6060", ["node_label_zone", "zone-n1"]);
    expect(found).toMatchObject({ [`${meta}node_name`]: "n1", [`${meta}namespace_label_team`]: "of-shop" });
    await api.patch("/api/v1/nodes/n1", { metadata: { labels: { rack: "7" } } });
    await untilLabel(it, "10.1.0.1:6060", ["node_label_rack", "7"]);
    await api.patch("/api/v1/namespaces/shop", { metadata: { annotations: { cost: "low" } } });
    await untilLabel(it, "10.1.0.1:6060", ["namespace_annotation_cost", "low"]);
  });

  const slicePath = "/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices";
  const targetRef = { kind: "Pod", namespace: "shop", name: "cart-1" };

  test("services, endpoints, endpoint slices and ingresses become targets, put together with what belongs to them", async () => {
    const spec = { selector: { app: "cart" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] };
    await api.create("/api/v1/namespaces/shop/services", { kind: "Service", metadata: { name: "cart" }, spec });
    await api.create("/api/v1/namespaces/shop/endpoints", {
      kind: "Endpoints",
      metadata: { name: "cart" },
      subsets: [{ addresses: [{ ip: "10.1.0.1", targetRef }], ports: [{ name: "http", port: 8080 }] }],
    });
    await api.create(slicePath, {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "cart-x", labels: { "kubernetes.io/service-name": "cart" } },
      addressType: "IPv4",
      ports: [{ name: "http", port: 8080 }],
      endpoints: [{ addresses: ["10.1.0.1"], targetRef, nodeName: "n1" }],
    });
    const path = { path: "/", pathType: "Prefix", backend: { service: { name: "cart", port: { number: 80 } } } };
    await api.create("/apis/networking.k8s.io/v1/namespaces/shop/ingresses", {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "front" },
      spec: { rules: [{ host: "shop.example.com", http: { paths: [path] } }] },
    });
    await using services = run({ role: "service", namespaces: { names: ["shop"] } });
    await using endpoints = run({ role: "endpoints" });
    await using slices = run({ role: "endpointslice", attach_metadata: { node: true } });
    await using ingresses = run({ role: "ingress" });
    await services.untilAddresses(["cart.shop.svc:80"]);
    await endpoints.untilAddresses(["10.1.0.1:6060", "10.1.0.1:8080"]);
    await slices.untilAddresses(["10.1.0.1:6060", "10.1.0.1:8080"]);
    await ingresses.untilAddresses(["shop.example.com"]);
    await untilLabel(slices, "10.1.0.1:8080", ["node_label_zone", "zone-n1"]);
    await api.patch("/api/v1/namespaces/shop/services/cart", { metadata: { labels: { tier: "gold" } } });
    await api.patch(`${pods}/cart-1`, { metadata: { labels: { color: "green" } } });
    for (const it of [endpoints, slices]) {
      await untilLabel(it, "10.1.0.1:8080", ["service_label_tier", "gold"]);
      await untilLabel(it, "10.1.0.1:8080", ["pod_label_color", "green"]);
    }
    await api.delete("/api/v1/namespaces/shop/services/cart");
    await untilLabel(slices, "10.1.0.1:8080", ["service_label_tier", undefined]);
    await services.untilAddresses([]);
    await api.delete(`${slicePath}/cart-x`);
    await slices.untilAddresses([]);
  });

  test("a right that is missing is named, costs the other namespaces nothing, and is used as soon as it is there", async () => {
    const token = write("nobody", "test-nobody-token");
    await allow(api, { user: "nobody", resources: ["pods"], namespace: "lab" });
    await using it = run({ role: "pod", namespaces: { names: ["lab", "shop"] } }, access(token));
    await it.untilAddresses(["10.2.0.1:6060"]);
    const { shownSources } = await it.untilStatus("a failure", ({ shownSources: all }) =>
      all.some(({ lastError }) => lastError),
    );
    expect(shownSources[0]).toMatchObject({
      name: "watch of pods in shop",
      lastError: `Cannot watch pods in namespace "shop": the server "${server.url}" answered HTTP status 403 with "pods is forbidden: User "nobody" cannot list resource "pods" in API group "" in the namespace "shop""; give the account the verbs list and watch on pods: a Role in this namespace and a RoleBinding`,
    });
    await allow(api, { user: "nobody", resources: ["pods"], namespace: "shop" });
    await eventually("all of them", () => it.addresses().length === 3 || undefined, 20_000);
    expect(
      it
        .status()
        .shownSources.map(({ name }) => name)
        .sort(),
    ).toEqual(["pod/lab/lab-1", "pod/shop/cart-1", "pod/shop/pay-1"]);
  });

  test("without the right to watch, what changes is found by lists, and the right is named", async () => {
    const token = write("lists-only", "test-lister-token");
    await allow(api, { user: "lister", resources: ["pods"], namespace: "lab", verbs: ["list"] });
    await using it = run({ role: "pod", namespaces: { names: ["lab"] } }, access(token));
    const { lastError } = await it.untilStatus("a failure", (status) => status.lastError !== undefined);
    expect(it.addresses()).toEqual(["10.2.0.1:6060"]);
    expect(lastError).toEndWith(
      `cannot watch resource "pods" in API group "" in the namespace "lab""; give the account the verb watch on pods, which it lacks beside list; until then they are listed every half a minute`,
    );
    const lab = "/api/v1/namespaces/lab/pods";
    await api.create(lab, runningPod({ name: "lab-2", ip: "10.2.0.2" }));
    await eventually("it comes", () => it.addresses().length === 2 || undefined, 20_000);
    await api.delete(`${lab}/lab-2`);
    await eventually("it goes", () => it.addresses().length === 1 || undefined, 40_000);
    await it.untilStatus("the failure stands", (status) => status.lastError === lastError);
  }, 90_000);

  test("a token that is turned away is told, and its file is read again", async () => {
    const token = write("token", "expired");
    await using it = run({ role: "pod" }, access(token));
    const { lastError } = await it.untilStatus("a failure", (status) => status.lastError !== undefined);
    expect(lastError).toBe(
      `Cannot watch pods: the server "${server.url}" answered HTTP status 401 with "Unauthorized"; renew the credentials of the configuration, which it does not take: they may have expired`,
    );
    write("token", "test-agent-token");
    await eventually("targets", () => it.addresses().length === 3 || undefined, 20_000);
    await it.untilStatus("no failure", (status) => status.lastError === undefined);
  });

  test("an authority that the API server's certificate is not from is told", async () => {
    const ca = write("ca.crt", createAuthority("another").cert);
    await using it = run({ role: "pod" }, access(undefined, ca));
    const { lastError } = await it.untilStatus("a failure", (status) => status.lastError !== undefined);
    expect(lastError).toStartWith("Cannot watch pods: Cannot make a TLS connection to");
  });

  test("a kubeconfig with a client certificate is enough", async () => {
    await allow(api, { user: "someone", resources: ["pods"] });
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const { cert, key } = server.client;
    const kubeconfig = writeKubeconfig(`{client-certificate-data: ${base64(cert)}, client-key-data: ${base64(key)}}`);
    await using it = run({ role: "pod" }, { kubeconfig_file: kubeconfig });
    await it.untilAddresses(["10.1.0.1:6060", "10.1.0.2:6060", "10.2.0.1:6060"]);
  });

  test("a kubeconfig is read again when its token is turned away", async () => {
    const kubeconfig = writeKubeconfig("{token: expired}");
    await using it = run({ role: "pod" }, { kubeconfig_file: kubeconfig });
    const { lastError } = await it.untilStatus("a failure", (status) => status.lastError !== undefined);
    expect(lastError).toEndWith(
      `"Unauthorized"; renew the credentials of the context "test" of "${kubeconfig}", which it does not take: they may have expired`,
    );
    writeKubeconfig("{token: test-agent-token}");
    await eventually("targets", () => it.addresses().length === 3 || undefined, 20_000);
    await it.untilStatus("no failure", (status) => status.lastError === undefined);
  }, 30_000);

  test("without an account it says what is missing", async () => {
    await using it = run({ role: "pod" }, {});
    const { lastError } = await it.untilStatus("a failure", (status) => status.lastError !== undefined);
    expect(lastError).toStartWith(
      "Cannot use the service account of this agent's pod: $KUBERNETES_SERVICE_HOST is not set",
    );
  });

  test("targets outlive the API server, and what changed while it was away is found out", async () => {
    await using it = run({ role: "pod" });
    await it.untilAddresses(["10.1.0.1:6060", "10.1.0.2:6060", "10.2.0.1:6060"]);
    await server.stop();
    const { lastError } = await it.untilStatus("a failure", (status) => status.lastError !== undefined);
    expect(lastError).toStartWith("Cannot watch pods: Cannot connect to");
    expect(it.addresses()).toHaveLength(3);
    // No event of it is left: a new API server knows nothing of the past, and etcd forgets it.
    await server.forget("/registry/pods/lab/lab-1");
    await server.start();
    await eventually("the pod is gone", () => it.addresses().length === 2 || undefined, 60_000);
    expect(it.addresses()).toEqual(["10.1.0.1:6060", "10.1.0.2:6060"]);
  }, 120_000);
});
