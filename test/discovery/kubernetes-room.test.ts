import { expect, test } from "bun:test";
import { aborted, limits } from "../../src/base/index.ts";
import { podRole } from "../../src/discovery/kubernetes/pod.ts";
import type { Role } from "../../src/discovery/kubernetes/role.ts";
import { RoleFinder } from "../../src/discovery/kubernetes/role-finder.ts";
import { type ApiClient, resources } from "../../src/kubernetes/index.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";

const pod = (name: string, podIP = "10.0.0.1"): object => ({
  metadata: { name, namespace: "shop", resourceVersion: "1" },
  spec: { containers: [{ name: "app" }] },
  status: { podIP },
});

test("objects that did not fit are tried again when another one goes, those first that have waited longest", async () => {
  const clock = new FakeClock();
  let watch: Parameters<ApiClient["watch"]>[1] | undefined;
  const client: ApiClient = {
    list: async () => ({ items: ["a", "b", "c", "d"].map((name) => pod(name)), version: "1", next: "" }),
    async watch(_selection, options) {
      watch = options;
      options.begin();
      await aborted(options.signal);
    },
    close: () => {},
  };
  const known = new Set<string>();
  const attempts: string[] = [];
  let skipped: Readonly<Record<string, number>> = {};
  const report = {
    found(source: string): boolean {
      attempts.push(source);
      if (!known.has(source) && known.size >= 2) return false;
      known.add(source);
      return true;
    },
    gone: (source: string) => void known.delete(source),
    failed: () => {},
    skipped: (counts: ReadonlyMap<string, number>) => void (skipped = Object.fromEntries(counts)),
    complete: () => {},
  };
  const finder = new RoleFinder({
    client,
    role: podRole as unknown as Role,
    roleName: "pod",
    wanted: [{ name: "pods", selection: { resource: resources.pods } }],
    clock,
    report,
  });
  const controller = new AbortController();
  const ended = finder.run(controller.signal);
  const settled = async (): Promise<void> => {
    await settle();
    await clock.advance(10 * limits.kubernetesSettleMs);
  };
  await settled();
  expect([...known]).toEqual(["pod/shop/a", "pod/shop/b"]);
  // Nothing went: nobody is tried in vain.
  expect(attempts).toHaveLength(4);
  watch?.event({ type: "DELETED", object: pod("a") });
  await settled();
  expect([...known]).toEqual(["pod/shop/b", "pod/shop/c"]);
  watch?.event({ type: "DELETED", object: pod("d") });
  watch?.event({ type: "DELETED", object: pod("b") });
  await settled();
  expect([...known]).toEqual(["pod/shop/c"]);
  // Pods without an address are counted until they have one, or go.
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
  controller.abort();
  await ended;
});
