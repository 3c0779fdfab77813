import { describe, expect, test } from "bun:test";
import { createOwnerOf } from "../../src/cluster/owner.ts";

const nodes = Array.from({ length: 10 }, (_, index) => `edge-${index}`);
const forms: readonly (readonly [string, readonly string[]])[] = [
  ["addresses that differ in one number", Array.from({ length: 10_000 }, (_, i) => `10.1.${i >> 8}.${i & 255}:6060`)],
  ["ports of one host", Array.from({ length: 10_000 }, (_, i) => `localhost:${10_000 + i}`)],
  ["names", Array.from({ length: 10_000 }, (_, i) => `shop-${i.toString(36)}.svc.example:6060`)],
];

/** How many addresses each owner has. */
function sharesOf(addresses: readonly string[], names: readonly string[]): ReadonlyMap<string | undefined, number> {
  const ownerOf = createOwnerOf(names);
  const shares = new Map<string | undefined, number>(names.map((name) => [name, 0]));
  for (const address of addresses) shares.set(ownerOf(address), (shares.get(ownerOf(address)) ?? 0) + 1);
  return shares;
}

describe("The owner of an address", () => {
  test.each(forms)("is one of ten nodes with even shares of 10,000 %s", (_, addresses) => {
    const shares = [...sharesOf(addresses, nodes).values()];
    const chiSquared = shares.reduce((sum, share) => sum + (share - 1000) ** 2 / 1000, 0);
    expect(shares).toHaveLength(10);
    // Nine degrees of freedom: chance alone goes beyond in one of a thousand cases.
    expect(chiSquared).toBeLessThan(27.9);
  });

  test.each(forms)("moves only to a node that joins, which takes its share of 10,000 %s", (_, addresses) => {
    const before = createOwnerOf(nodes);
    const after = createOwnerOf([...nodes, "edge-new"]);
    const moved = addresses.filter((address) => before(address) !== after(address));
    expect(moved.every((address) => after(address) === "edge-new")).toBe(true);
    expect(Math.abs(moved.length - 10_000 / 11)).toBeLessThan(100);
  });

  test.each(forms)("stays while another node leaves, of 10,000 %s", (_, addresses) => {
    const before = createOwnerOf(nodes);
    const after = createOwnerOf(nodes.slice(1));
    const moved = addresses.filter((address) => before(address) !== after(address));
    expect(moved.every((address) => before(address) === "edge-0")).toBe(true);
    const taken = sharesOf(moved, nodes.slice(1));
    for (const share of taken.values()) expect(Math.abs(share - moved.length / 9)).toBeLessThan(50);
  });

  test("is the same whatever the order of the nodes, named twice or not", () => {
    const [, addresses] = forms[0] as (typeof forms)[number];
    const [one, other] = [createOwnerOf(nodes), createOwnerOf([...nodes, ...nodes].toReversed())];
    expect(addresses.map(other)).toEqual(addresses.map(one));
  });

  test("does not change from one version of the agent to the next", () => {
    const ownerOf = createOwnerOf(["a", "b", "c"]);
    expect(["localhost:6060", "10.0.0.1:6060", "[::1]:6060", "", "ä"].map(ownerOf)).toEqual(["a", "b", "b", "c", "a"]);
  });

  test("is nobody where there is no node", () => {
    expect(createOwnerOf([])("localhost:6060")).toBeUndefined();
  });
});
