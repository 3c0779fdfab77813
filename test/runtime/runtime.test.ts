import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import process, { versions } from "node:process";
import { loadRuntime } from "../../src/runtime/index.ts";
import { runChild } from "../support/child.ts";

const runtime = await loadRuntime();

describe("the runtime", () => {
  test("knows its name and version", () => {
    expect(versions).toHaveProperty(runtime.name, runtime.version);
  });

  test.if(runtime.name === "bun")("counts and measures the heap by class", async () => {
    const { marker } = await heapWith(5000);
    expect(marker?.count).toBeGreaterThanOrEqual(5000);
    expect(marker?.bytes).toBeGreaterThan(5000 * 8);
  });

  test.if(runtime.name === "bun")("only counts a heap that would take long to measure", async () => {
    const { count, measured } = await heapWith(250_000);
    expect(count).toBeGreaterThanOrEqual(250_000);
    expect(measured).toBe(false);
  });
});

interface Heap {
  readonly marker?: { readonly count: number; readonly bytes: number };
  readonly count: number;
  readonly measured: boolean;
}

async function heapWith(objects: number): Promise<Heap> {
  const script = join(import.meta.dirname, "count-markers.ts");
  const { stdout } = await runChild([process.execPath, script, String(objects)]);
  return JSON.parse(stdout) as Heap;
}
