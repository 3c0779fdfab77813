import { afterEach, beforeEach, expect, test } from "bun:test";
import { aborted, errorMessage, limits } from "../../src/base/index.ts";
import { endpointsliceRole } from "../../src/discovery/kubernetes/endpointslice.ts";
import { podRole } from "../../src/discovery/kubernetes/pod.ts";
import type { ResourceName, Role } from "../../src/discovery/kubernetes/role.ts";
import { RoleFinder } from "../../src/discovery/kubernetes/role-finder.ts";
import { type ApiClient, KubernetesError, resources } from "../../src/kubernetes/index.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";

const pod = (name: string, podIP = "10.0.0.1"): object => ({
  metadata: { name, namespace: "shop", resourceVersion: "1" },
  spec: { containers: [{ name: "app" }] },
  status: { podIP },
});

type Watch = Parameters<ApiClient["watch"]>[1];

let clock: FakeClock;
let stop: AbortController;
let ended: Promise<void>;
/** What the API server lists. */
let objects: object[];
/** What becomes of a watch that has begun. */
let watched: (watch: Watch) => Promise<void>;
let watch: Watch | undefined;
/** What the room has for. */
let most: number;
let known: Set<string>;
let told: string[];
let skipped: Readonly<Record<string, number>>;

beforeEach(() => {
  clock = new FakeClock();
  stop = new AbortController();
  ended = Promise.resolve();
  [objects, watch, most] = [[], undefined, 1000];
  [known, told, skipped] = [new Set(), [], {}];
  watched = ({ signal }) => aborted(signal);
});

afterEach(async () => {
  stop.abort();
  await ended;
  expect(clock.pending, "nothing is left behind").toBe(0);
});

function find(name: ResourceName, role: unknown, roleName: string): Promise<void> {
  const client: ApiClient = {
    list: async () => ({ items: objects, version: "1", next: "" }),
    async watch(_selection, options) {
      watch = options;
      options.begin();
      await watched(options);
    },
    close: () => {},
  };
  const report = {
    found(source: string): boolean {
      told.push(`found ${source}`);
      if (!known.has(source) && known.size >= most) return false;
      known.add(source);
      return true;
    },
    gone: (source: string) => void known.delete(source),
    failed: (source: string, error: unknown) => void told.push(`failed ${source} ${errorMessage(error)}`),
    skipped: (counts: ReadonlyMap<string, number>) => void (skipped = Object.fromEntries(counts)),
    complete: () => void told.push("complete"),
    settled: () => {},
  };
  const wanted = [{ name, selection: { resource: resources[name] } }];
  ended = new RoleFinder({ client, role: role as Role, roleName, wanted, clock, report }).run(stop.signal);
  return settled();
}

async function settled(): Promise<void> {
  await settle();
  await clock.advance(10 * limits.kubernetesSettleMs);
}

test("objects that did not fit are tried again when another one goes, those first that have waited longest", async () => {
  objects = ["a", "b", "c", "d"].map((name) => pod(name));
  most = 2;
  await find("pods", podRole, "pod");
  expect([...known]).toEqual(["pod/shop/a", "pod/shop/b"]);
  // Nothing went: nobody is tried in vain.
  expect(told.filter((line) => line.startsWith("found"))).toHaveLength(4);
  watch?.event({ type: "DELETED", object: pod("a") });
  await settled();
  expect([...known]).toEqual(["pod/shop/b", "pod/shop/c"]);
  watch?.event({ type: "DELETED", object: pod("d") });
  watch?.event({ type: "DELETED", object: pod("b") });
  await settled();
  expect([...known]).toEqual(["pod/shop/c"]);
});

test("pods without an address are counted until they have one, or go", async () => {
  await find("pods", podRole, "pod");
  for (const name of ["e", "f"]) watch?.event({ type: "ADDED", object: pod(name, "") });
  watch?.event({ type: "MODIFIED", object: pod("e", "") });
  await settled();
  expect(skipped).toEqual({ no_address: 2 });
  watch?.event({ type: "MODIFIED", object: pod("e") });
  await settled();
  expect(skipped).toEqual({ no_address: 1 });
  watch?.event({ type: "DELETED", object: pod("f", "") });
  await settled();
  expect(skipped).toEqual({});
});

test("an object that names more targets than there may be is told, and costs the others nothing", async () => {
  const slice = (name: string, endpoints: number): object => ({
    metadata: { name, namespace: "shop", resourceVersion: "1" },
    ports: Array.from({ length: 100 }, (_, index) => ({ port: 1 + index })),
    endpoints: Array.from({ length: endpoints }, (_, index) => ({ addresses: [`10.1.${index >> 8}.${index & 255}`] })),
  });
  objects = [slice("huge", 1000), slice("small", 1)];
  await find("endpointslices", endpointsliceRole, "endpointslice");
  expect([...known]).toEqual(["endpointslice/shop/small"]);
  const failure = `failed endpointslice/shop/huge Cannot take the targets of one endpointslice: they are more than ${limits.discoveredTargets}`;
  expect(told).toContain(failure);
  watch?.event({ type: "DELETED", object: slice("small", 1) });
  await settled();
  expect(
    told.filter((line) => line === failure),
    "tried again only once it has changed",
  ).toHaveLength(1);
  watch?.event({ type: "MODIFIED", object: slice("huge", 2) });
  await settled();
  expect([...known]).toEqual(["endpointslice/shop/huge"]);
});

test("while no watch is taken, the failure is what is told last", async () => {
  objects = [pod("a")];
  watched = async () => {
    throw new KubernetesError("forbidden", "no");
  };
  await find("pods", podRole, "pod");
  expect(told.slice(0, 2)).toEqual(["found pod/shop/a", "failed  no"]);
  objects = [pod("b")];
  while (!known.has("pod/shop/b")) await settled();
  expect(told.at(-1)).toBe("failed  no");
  expect(told).not.toContain("complete");
  watched = ({ signal }) => aborted(signal);
  while (!told.includes("complete")) await settled();
});
