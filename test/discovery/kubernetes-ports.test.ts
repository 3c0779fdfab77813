import { expect, test } from "bun:test";
import { endpointsRole, keepEndpoints } from "../../src/discovery/kubernetes/endpoints.ts";
import { endpointsliceRole, keepSlice } from "../../src/discovery/kubernetes/endpointslice.ts";
import { keepPod, podRole } from "../../src/discovery/kubernetes/pod.ts";
import { SkippedObjects } from "../../src/discovery/skipped-objects.ts";
import { around, shown } from "./kubernetes-objects.ts";

const cart = { metadata: { name: "cart-1", namespace: "shop" }, status: { podIP: "10.1.0.7" } };
const toCart = { kind: "Pod", namespace: "shop", name: "cart-1" };

test("of a container's ports the first hundred are taken, and the rest is told", () => {
  const ports = Array.from({ length: 250 }, (_, index) => ({ containerPort: 6000 + index, protocol: "TCP" }));
  const spec = { containers: [{ name: "all", ports }, { name: "app" }] };
  const pod = keepPod({ ...cart, spec });
  const [ofPod, ofEndpoints] = [new SkippedObjects(), new SkippedObjects()];
  expect([...podRole.targets(pod, around({}, ofPod))]).toHaveLength(101);
  expect([...ofPod.counts()]).toEqual([["too_many_ports", 150]]);
  const targetRef = { kind: "Pod", namespace: "shop", name: "cart-1" };
  const addresses = ["10.1.0.7", "10.1.0.8"].map((ip) => ({ ip, targetRef }));
  const endpoints = keepEndpoints({
    metadata: { name: "cart", namespace: "shop" },
    subsets: [{ addresses, ports: [{ port: 8080 }] }],
  });
  expect([...endpointsRole.targets(endpoints, around({ pods: { "shop/cart-1": pod } }, ofEndpoints))]).toHaveLength(
    102,
  );
  expect([...ofEndpoints.counts()]).toEqual([["too_many_ports", 150]]);
});

test("of the ports of a slice, or of a subset of endpoints, the first hundred are taken, and the rest is told", () => {
  const ports = Array.from({ length: 1000 }, (_, index) => ({ port: 1 + index }));
  const addresses = Array.from({ length: 10 }, (_, index) => `10.1.0.${index}`);
  const metadata = { name: "cart", namespace: "shop" };
  const slice = keepSlice({ metadata, ports, endpoints: addresses.map((address) => ({ addresses: [address] })) });
  const subset = { ports, addresses: addresses.map((ip) => ({ ip })) };
  const endpoints = keepEndpoints({ metadata, subsets: [subset, { ports: [{ port: 1 }], addresses: [] }] });
  const skipped = new SkippedObjects();
  const [first] = endpointsliceRole.targets(slice, around({}, skipped));
  expect(first, "made one by one").toBeDefined();
  expect([...skipped.counts()]).toEqual([["too_many_ports", 900]]);
  expect([...endpointsliceRole.targets(slice, around())]).toHaveLength(1000);
  expect([...endpointsRole.targets(endpoints, around())]).toHaveLength(1000);
});

test("of a port that a pod declares twice the last container counts, and of that one the first", () => {
  const ports = ["TCP", "UDP"].map((protocol) => ({ containerPort: 53, protocol }));
  const spec = {
    containers: [
      { name: "a", ports },
      { name: "b", ports },
    ],
  };
  const pods = { "shop/cart-1": keepPod({ ...cart, spec }) };
  const addresses = [{ ip: "10.1.0.7", targetRef: toCart }];
  const endpoints = keepEndpoints({
    metadata: { name: "cart", namespace: "shop" },
    subsets: [{ addresses, ports: [{ port: 53 }] }],
  });
  const [only, ...more] = shown(endpointsRole.targets(endpoints, around({ pods })));
  expect(only).toMatchObject({ pod_container_name: "b", pod_container_port_protocol: "TCP" });
  expect(more).toEqual([]);
});
