import { expect, test } from "bun:test";
import { endpointsRole, keepEndpoints } from "../../src/discovery/kubernetes/endpoints.ts";
import { endpointsliceRole, keepSlice } from "../../src/discovery/kubernetes/endpointslice.ts";
import { ingressRole, keepIngress } from "../../src/discovery/kubernetes/ingress.ts";
import { keepNode, nodeRole } from "../../src/discovery/kubernetes/node.ts";
import { keepMetadata } from "../../src/discovery/kubernetes/object-labels.ts";
import { keepPod, podRole } from "../../src/discovery/kubernetes/pod.ts";
import { keepService, serviceRole } from "../../src/discovery/kubernetes/service.ts";
import { SkippedObjects } from "../../src/discovery/skipped-objects.ts";
import { around, type Objects, shown } from "./kubernetes-objects.ts";

const cart = {
  metadata: {
    name: "cart-1",
    namespace: "shop",
    uid: "u-1",
    labels: { app: "cart", "app.kubernetes.io/name": "cart" },
    annotations: {
      "pyroscope.io/service_name": "shop-cart",
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
      "example.com/huge": "x".repeat(5000),
    },
    ownerReferences: [
      { kind: "Other", name: "no" },
      { kind: "ReplicaSet", name: "cart-7d9", controller: true },
    ],
  },
  spec: {
    nodeName: "n1",
    initContainers: [{ name: "setup", image: "setup:1" }],
    containers: [
      {
        name: "app",
        image: "cart:2",
        ports: [
          { name: "http", containerPort: 8080, protocol: "TCP" },
          { name: "pprof", containerPort: 6060, protocol: "TCP" },
        ],
      },
      { name: "sidecar", image: "proxy:1" },
    ],
  },
  status: {
    podIP: "10.1.0.7",
    hostIP: "192.168.0.1",
    phase: "Running",
    conditions: [
      { type: "Initialized", status: "True" },
      { type: "Ready", status: "False" },
    ],
    containerStatuses: [{ name: "app", containerID: "containerd://abc" }],
    initContainerStatuses: [{ name: "setup", containerID: "containerd://def" }],
  },
};

const cartLabels = {
  namespace: "shop",
  pod_name: "cart-1",
  pod_uid: "u-1",
  pod_ip: "10.1.0.7",
  pod_host_ip: "192.168.0.1",
  pod_phase: "Running",
  pod_ready: "false",
  pod_node_name: "n1",
  pod_controller_kind: "ReplicaSet",
  pod_controller_name: "cart-7d9",
  pod_label_app: "cart",
  pod_labelpresent_app: "true",
  pod_label_app_kubernetes_io_name: "cart",
  pod_labelpresent_app_kubernetes_io_name: "true",
  pod_annotation_pyroscope_io_service_name: "shop-cart",
  pod_annotationpresent_pyroscope_io_service_name: "true",
  pod_annotationpresent_example_com_huge: "true",
};

const httpPort = {
  pod_container_name: "app",
  pod_container_image: "cart:2",
  pod_container_init: "false",
  pod_container_port_name: "http",
  pod_container_port_number: "8080",
  pod_container_port_protocol: "TCP",
};
const pprofPort = { ...httpPort, pod_container_port_name: "pprof", pod_container_port_number: "6060" };

test("a pod gives a target for every port, and one for every container without", () => {
  expect(shown(podRole.targets(keepPod(cart), around()))).toEqual([
    { ...cartLabels, ...httpPort, pod_container_id: "containerd://abc", __address__: "10.1.0.7:8080" },
    { ...cartLabels, ...pprofPort, pod_container_id: "containerd://abc", __address__: "10.1.0.7:6060" },
    {
      ...cartLabels,
      pod_container_name: "sidecar",
      pod_container_image: "proxy:1",
      pod_container_init: "false",
      __address__: "10.1.0.7",
    },
    {
      ...cartLabels,
      pod_container_name: "setup",
      pod_container_image: "setup:1",
      pod_container_init: "true",
      pod_container_id: "containerd://def",
      __address__: "10.1.0.7",
    },
  ]);
});

test("a pod without an IP gives none, and one with an IPv6 address has it in brackets", () => {
  const skipped = new SkippedObjects();
  expect([...podRole.targets(keepPod({ ...cart, status: { phase: "Pending" } }), around({}, skipped))]).toEqual([]);
  expect([...skipped.counts()]).toEqual([["no_address", 1]]);
  const [first] = shown(podRole.targets(keepPod({ ...cart, status: { podIP: "fd00::7" } }), around()));
  expect(first).toMatchObject({ __address__: "[fd00::7]:8080", pod_ready: "unknown" });
});

test("a pod's node and namespace are attached; the pod of an unknown node is not meant", () => {
  const n1 = keepNode({ metadata: { name: "n1", labels: { zone: "a" }, annotations: { note: "x" } } });
  const shop = keepMetadata({ metadata: { name: "shop", labels: { team: "red" }, annotations: { cost: "7" } } });
  const [first] = shown(podRole.targets(keepPod(cart), around({ nodes: { n1 }, namespaces: { shop } })));
  expect(first).toEqual({
    ...cartLabels,
    ...httpPort,
    pod_container_id: "containerd://abc",
    __address__: "10.1.0.7:8080",
    node_name: "n1",
    node_label_zone: "a",
    node_labelpresent_zone: "true",
    node_annotation_note: "x",
    node_annotationpresent_note: "true",
    namespace_label_team: "red",
    namespace_labelpresent_team: "true",
    namespace_annotation_cost: "7",
    namespace_annotationpresent_cost: "true",
  });
  const skipped = new SkippedObjects();
  for (const status of [cart.status, { phase: "Pending" }])
    expect([...podRole.targets(keepPod({ ...cart, status }), around({ nodes: {} }, skipped))]).toEqual([]);
  expect(skipped.isEmpty).toBe(true);
});

const cartService = {
  metadata: { name: "cart", namespace: "shop", labels: { tier: "web" } },
  spec: {
    type: "LoadBalancer",
    clusterIP: "10.96.0.5",
    loadBalancerIP: "203.0.113.7",
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  },
};
const cartServiceLabels = {
  namespace: "shop",
  service_name: "cart",
  service_label_tier: "web",
  service_labelpresent_tier: "true",
};

test("a service gives a target for every port", () => {
  expect(shown(serviceRole.targets(keepService(cartService), around()))).toEqual([
    {
      ...cartServiceLabels,
      service_type: "LoadBalancer",
      service_cluster_ip: "10.96.0.5",
      service_loadbalancer_ip: "203.0.113.7",
      service_port_name: "http",
      service_port_number: "80",
      service_port_protocol: "TCP",
      __address__: "cart.shop.svc:80",
    },
  ]);
  const external = {
    ...cartService,
    spec: { type: "ExternalName", externalName: "shop.example.com", ports: [{ port: 443 }] },
  };
  expect(shown(serviceRole.targets(keepService(external), around()))).toEqual([
    {
      ...cartServiceLabels,
      service_type: "ExternalName",
      service_external_name: "shop.example.com",
      service_port_number: "443",
      __address__: "cart.shop.svc:443",
    },
  ]);
});

const shopObjects: Objects = {
  services: { "shop/cart": keepService(cartService) },
  pods: { "shop/cart-1": keepPod(cart) },
};
const toCart = { kind: "Pod", namespace: "shop", name: "cart-1" };

test("endpoints give a target for every address and port, and for the other ports of their pods", () => {
  const endpoints = keepEndpoints({
    metadata: { name: "cart", namespace: "shop" },
    subsets: [
      {
        ports: [{ name: "http", port: 8080, protocol: "TCP" }],
        addresses: [{ ip: "10.1.0.7", nodeName: "n1", hostname: "cart-1", targetRef: toCart }],
        notReadyAddresses: [{ ip: "10.1.0.8" }],
      },
    ],
  });
  const shared = { ...cartServiceLabels, endpoints_name: "cart" };
  const port = { endpoint_port_name: "http", endpoint_port_protocol: "TCP" };
  expect(shown(endpointsRole.targets(endpoints, around(shopObjects)))).toEqual([
    {
      ...shared,
      ...cartLabels,
      ...httpPort,
      ...port,
      endpoint_ready: "true",
      endpoint_node_name: "n1",
      endpoint_hostname: "cart-1",
      endpoint_address_target_kind: "Pod",
      endpoint_address_target_name: "cart-1",
      __address__: "10.1.0.7:8080",
    },
    { ...shared, ...port, endpoint_ready: "false", __address__: "10.1.0.8:8080" },
    { ...shared, ...cartLabels, ...pprofPort, __address__: "10.1.0.7:6060" },
  ]);
});

test("endpoint slices do likewise, under their own names", () => {
  const slice = keepSlice({
    metadata: { name: "cart-x7", namespace: "shop", labels: { "kubernetes.io/service-name": "cart" } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP", appProtocol: "http" }],
    endpoints: [
      {
        addresses: ["10.1.0.7"],
        conditions: { ready: true, serving: true, terminating: false },
        hostname: "cart-1",
        nodeName: "n1",
        zone: "a",
        deprecatedTopology: { "topology.kubernetes.io/region": "eu" },
        targetRef: toCart,
      },
      { addresses: ["10.1.0.9"], targetRef: { kind: "Node", name: "n9" } },
    ],
  });
  const nodes = { n9: keepNode({ metadata: { name: "n9" } }) };
  const shared = {
    ...cartServiceLabels,
    endpointslice_name: "cart-x7",
    endpointslice_address_type: "IPv4",
    endpointslice_label_kubernetes_io_service_name: "cart",
    endpointslice_labelpresent_kubernetes_io_service_name: "true",
  };
  const port = {
    endpointslice_port: "8080",
    endpointslice_port_name: "http",
    endpointslice_port_protocol: "TCP",
    endpointslice_port_app_protocol: "http",
  };
  expect(shown(endpointsliceRole.targets(slice, around({ ...shopObjects, nodes })))).toEqual([
    {
      ...shared,
      ...cartLabels,
      ...httpPort,
      ...port,
      endpointslice_endpoint_conditions_ready: "true",
      endpointslice_endpoint_conditions_serving: "true",
      endpointslice_endpoint_conditions_terminating: "false",
      endpointslice_endpoint_hostname: "cart-1",
      endpointslice_endpoint_node_name: "n1",
      endpointslice_endpoint_zone: "a",
      endpointslice_endpoint_topology_topology_kubernetes_io_region: "eu",
      endpointslice_endpoint_topology_present_topology_kubernetes_io_region: "true",
      endpointslice_address_target_kind: "Pod",
      endpointslice_address_target_name: "cart-1",
      __address__: "10.1.0.7:8080",
    },
    {
      ...shared,
      ...port,
      endpointslice_address_target_kind: "Node",
      endpointslice_address_target_name: "n9",
      node_name: "n9",
      __address__: "10.1.0.9:8080",
    },
    { ...shared, ...cartLabels, ...pprofPort, __address__: "10.1.0.7:6060" },
  ]);
});

test("a node gives its kubelet, at the address that comes first in the order of preference", () => {
  const node = keepNode({
    metadata: { name: "n1", labels: { zone: "a" } },
    spec: { providerID: "aws:///i-1" },
    status: {
      addresses: [
        { type: "Hostname", address: "n1.example.com" },
        { type: "InternalIP", address: "192.168.0.1" },
        { type: "InternalIP", address: "fd00::1" },
      ],
      conditions: [{ type: "Ready", status: "True" }],
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    },
  });
  expect(shown(nodeRole.targets(node, around()))).toEqual([
    {
      node_name: "n1",
      node_label_zone: "a",
      node_labelpresent_zone: "true",
      node_provider_id: "aws:///i-1",
      node_condition_ready: "true",
      node_address_Hostname: "n1.example.com",
      node_address_InternalIP: "192.168.0.1",
      instance: "n1",
      __address__: "192.168.0.1:10250",
    },
  ]);
  expect([...nodeRole.targets(keepNode({ metadata: { name: "n2" } }), around())]).toEqual([]);
});

test("an ingress gives a target for every path, https where TLS covers the host", () => {
  const ingress = keepIngress({
    metadata: { name: "front", namespace: "shop" },
    spec: {
      ingressClassName: "nginx",
      tls: [{ hosts: ["*.example.com"] }],
      rules: [
        { host: "shop.example.com", http: { paths: [{ path: "/cart" }, {}] } },
        { host: "deep.shop.example.com" },
        { http: { paths: [{ path: "/all" }] } },
      ],
    },
  });
  const shared = { namespace: "shop", ingress_name: "front", ingress_class_name: "nginx" };
  const host = { ingress_host: "shop.example.com", __address__: "shop.example.com", ingress_scheme: "https" };
  expect(shown(ingressRole.targets(ingress, around()))).toEqual([
    { ...shared, ...host, ingress_path: "/cart" },
    { ...shared, ...host, ingress_path: "/" },
    {
      ...shared,
      ingress_host: "deep.shop.example.com",
      ingress_scheme: "http",
      ingress_path: "/",
      __address__: "deep.shop.example.com",
    },
    { ...shared, ingress_scheme: "http", ingress_path: "/all" },
  ]);
});

test("what is not of the form of an object is kept without what is missing", () => {
  for (const nothing of [{}, { metadata: null, spec: "no", status: [] }]) {
    expect([...podRole.targets(keepPod(nothing), around())]).toEqual([]);
    expect([...serviceRole.targets(keepService(nothing), around())]).toEqual([]);
    expect([...endpointsRole.targets(keepEndpoints(nothing), around())]).toEqual([]);
    expect([...endpointsliceRole.targets(keepSlice(nothing), around())]).toEqual([]);
    expect([...nodeRole.targets(keepNode(nothing), around())]).toEqual([]);
    expect([...ingressRole.targets(keepIngress(nothing), around())]).toEqual([]);
  }
});
