// Rights that are missing in one of several namespaces, over HTTPS; the words of a real API server are in kubernetes.test.ts.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kubernetesKind } from "../../src/discovery/kubernetes/kubernetes-kind.ts";
import { FakeApiServer, status } from "../kubernetes/fake-api-server.ts";
import { runningPod } from "../kubernetes/kubernetes-api.ts";
import { type RunningDiscovery, runDiscovery } from "./running-discovery.ts";

let server: FakeApiServer;
let storagePath: string;
/** The addresses of the pods of each namespace. */
let pods: Record<string, readonly string[]>;
/** Namespaces in which the right is missing; "" where there is none. */
let forbidden: readonly string[];

beforeEach(async () => {
  server = await FakeApiServer.start();
  storagePath = mkdtempSync(join(tmpdir(), "kubernetes-namespaces-"));
  [pods, forbidden] = [{}, []];
  server.refuses = (query, { url = "" }) => {
    const namespace = /\/namespaces\/(\w+)\//.exec(url)?.[1] ?? "";
    if (forbidden.includes(namespace)) return { status: 403, body: JSON.stringify(status(403, "no")) };
    if (query.has("watch")) return undefined;
    const items = (pods[namespace] ?? []).map((ip) => podAt(ip, namespace));
    return { status: 200, body: JSON.stringify({ metadata: { resourceVersion: "1" }, items }) };
  };
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(storagePath, { recursive: true });
});

function podAt(ip: string, namespace: string): object {
  const { metadata, ...rest } = runningPod({ name: `at-${ip}`, ip });
  return { ...rest, metadata: { ...metadata, namespace } };
}

const written = (names: readonly string[], more: object = {}): object => ({
  role: "pod",
  api_server: server.url,
  tls_config: { ca_pem: server.ca },
  namespaces: { names },
  ...more,
});

const run = (names: readonly string[]): RunningDiscovery =>
  runDiscovery(kubernetesKind, written(names), { storagePath });

test("after a restart a namespace that is forbidden by now keeps its targets, and only those", async () => {
  pods = { a: ["10.0.0.1"], b: ["10.0.1.1"] };
  const before = run(["a", "b"]);
  await before.untilAddresses(["10.0.0.1:6060", "10.0.1.1:6060"]);
  await before.stop();
  pods = { a: ["10.0.0.2"] };
  forbidden = ["b"];
  await using after = run(["a", "b"]);
  await after.untilAddresses(["10.0.0.2:6060", "10.0.1.1:6060"]);
  expect(after.status().fromDisk).toBe(1);
  forbidden = [];
  await after.untilAddresses(["10.0.0.2:6060"]);
});

test.each<{ what: string; more: object; names: readonly string[]; lacks: string }>([
  { what: "another namespace", more: {}, names: ["a", "b"], lacks: "b" },
  { what: "the nodes", more: { attach_metadata: { node: true } }, names: ["a"], lacks: "" },
])("a namespace that a reload takes out is let go, although the right for $what is missing", async (row) => {
  const { more, names, lacks } = row;
  pods = { a: ["10.0.0.1"], c: ["10.0.2.1"] };
  await using it = run(["a", "c"]);
  await it.untilAddresses(["10.0.0.1:6060", "10.0.2.1:6060"]);
  forbidden = [lacks];
  it.apply(written(names, more));
  await it.untilAddresses(["10.0.0.1:6060"]);
  await it.untilStatus("the right is named", ({ shownSources }) => shownSources.some(({ lastError }) => lastError));
  expect(it.addresses()).toEqual(["10.0.0.1:6060"]);
});
