import { describe, expect, test } from "bun:test";
import { createApply } from "../../src/apply-components.ts";
import type { Config } from "../../src/config/index.ts";

type Components = Config["components"];

const components = (...ids: readonly string[]): Components => ids.map((id) => ({ id })) as unknown as Components;

describe("A configuration", () => {
  test("that is refused changes nothing, also for what is on disk of components that left", () => {
    let refusal: Error | undefined;
    let left: readonly string[] = [];
    const apply = createApply({
      graph: {
        applyConfig() {
          if (refusal) throw refusal;
        },
      },
      left: { applyConfig: (present) => void (left = present.map(({ id }) => id)) },
    });
    apply(components("a", "b"));
    expect(left).toEqual(["a", "b"]);
    refusal = new Error("No");
    expect(() => apply(components("a", "c"))).toThrow(refusal);
    expect(left).toEqual(["a", "b"]);
    refusal = undefined;
    apply(components("a", "c"));
    expect(left).toEqual(["a", "c"]);
  });
});
