import { describe, expect, test } from "bun:test";
import { limits } from "../../src/base/index.ts";
import { targetsOfGroups } from "../../src/discovery/target-groups.ts";

const options = { cannot: "Cannot take them", meta: {} };

describe("A list of groups", () => {
  test("that are all one, by aliases, is read no further than there is room", () => {
    let reads = 0;
    const addresses = Array.from({ length: 100 }, (_, at) => `h:${at + 1}`);
    const group = {
      get targets() {
        reads++;
        return addresses;
      },
    };
    const groups = Array.from({ length: 50_000 }, () => group);
    expect(() => targetsOfGroups(groups, options)).toThrow(`Cannot take them: they are more than 20000`);
    expect(reads).toBeLessThan((3 * limits.discoveredTargets) / addresses.length);
  });

  test("that share labels and have no targets has the labels looked at once", () => {
    let reads = 0;
    const labels = {
      get env() {
        reads++;
        return "prod";
      },
    };
    const groups = Array.from({ length: 1000 }, () => ({ targets: [], labels }));
    expect(targetsOfGroups(groups, options)).toEqual([]);
    expect(reads).toBe(1);
  });

  test("is wrong as a whole where a group is, whatever comes before", () => {
    const groups = [
      { targets: ["a:1"], labels: { env: "prod" } },
      { targets: [], labels: { env: [] } },
    ];
    expect(() => targetsOfGroups(groups, options)).toThrow('group 2: the label "env" must be a string, found a list');
  });
});
