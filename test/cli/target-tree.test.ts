import { describe, expect, test } from "bun:test";
import { targetTree } from "../../src/cli/target-tree.ts";

function treeOf(flags: Readonly<Record<string, readonly string[]>>) {
  return targetTree({ flags: new Map(Object.entries(flags)), args: [] });
}

function labelsOfTarget(text: string, ...label: string[]): unknown {
  const tree = treeOf({ target: [text], label }) as {
    pyroscope: { scrape: { default: { targets: readonly unknown[] } } };
  };
  return tree.pyroscope.scrape.default.targets[0];
}

describe("targetTree()", () => {
  const plain = { __address__: "a:6060", __scheme__: "http", service_name: "a:6060" };
  const socket = { __address__: "unix:///run/app.sock", service_name: "unix:///run/app.sock" };
  const table: readonly (readonly [target: string, labels: Record<string, string>])[] = [
    ["a:6060", plain],
    ["http://a:6060", plain],
    ["http://a:6060/", plain],
    ["http://a:6060/debug/pprof", plain],
    ["http://a:6060/debug/pprof/", plain],
    ["https://a", { __address__: "a", __scheme__: "https", service_name: "a" }],
    ["[::1]:6060", { __address__: "[::1]:6060", __scheme__: "http", service_name: "[::1]:6060" }],
    ["a:6060/admin/", { ...plain, __profile_path_prefix__: "/admin" }],
    ["http://a:6060/admin/debug/pprof/", { ...plain, __profile_path_prefix__: "/admin" }],
    ["unix:///run/app.sock", socket],
    ["unix:///run/app.sock:/", socket],
    ["unix:///run/app.sock:/debug/pprof/", socket],
    ["unix:///run/app.sock:/admin/", { ...socket, __profile_path_prefix__: "/admin" }],
    ["unix:///run/%61pp.sock:/admin/debug/pprof", { ...socket, __profile_path_prefix__: "/admin" }],
  ];
  for (const [target, labels] of table)
    test(`reads the target ${target}`, () => expect(labelsOfTarget(target)).toEqual(labels));

  test("puts labels on every target, over those of its own making", () =>
    expect(labelsOfTarget("a:6060", "service_name=shop", "query=a=b")).toEqual({
      ...plain,
      service_name: "shop",
      query: "a=b",
    }));

  test("pushes to every server", () =>
    expect(treeOf({ target: ["a:1", "b:2"], server: ["http://s:1", "http://t:2"] })).toMatchObject({
      pyroscope: {
        scrape: { default: { forward_to: ["pyroscope.write.default"] } },
        write: { default: { endpoint: [{ url: "http://s:1" }, { url: "http://t:2" }] } },
      },
    }));

  test("keeps profiles in the store where there is no server", () => {
    const { pyroscope } = treeOf({ target: ["a:1"] }) as { pyroscope: Record<string, unknown> };
    expect(Object.keys(pyroscope)).toEqual(["scrape", "store"]);
    expect(pyroscope["scrape"]).toMatchObject({
      default: { forward_to: ["pyroscope.store.default"], scrape_interval: "5s" },
    });
  });
});
