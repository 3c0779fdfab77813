import { describe, expect, test } from "bun:test";
import { versions } from "node:process";
import { loadRuntime } from "../../src/runtime/index.ts";

const runtime = await loadRuntime();

describe("the runtime", () => {
  test("knows its name and version", () => {
    expect(versions).toHaveProperty(runtime.name, runtime.version);
  });

  test.if(runtime.name === "bun")("counts and measures the heap by class", async () => {
    // What other tests of this process left behind would make the heap one that is only counted.
    Bun.gc(true);
    const kept = Array.from({ length: 5000 }, () => new Marker());
    const classes = (await runtime.heapObjects?.()) ?? [];
    const markers = classes.find(({ name }) => name === "Marker");
    expect(markers?.count).toBeGreaterThanOrEqual(kept.length);
    expect(markers?.bytes).toBeGreaterThan(kept.length * 8);
  });

  test.if(runtime.name === "bun")("only counts a heap that would take long to measure", async () => {
    const kept = Array.from({ length: 250_000 }, () => new Marker());
    const classes = (await runtime.heapObjects?.()) ?? [];
    const count = classes.reduce((sum, one) => sum + one.count, 0);
    expect(count).toBeGreaterThanOrEqual(kept.length);
    expect(classes.every(({ bytes }) => bytes === 0)).toBe(true);
  });
});

class Marker {
  readonly value = Math.random();
}
