import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadRuntime } from "../../src/runtime/index.ts";

const runtime = await loadRuntime();
const root = mkdtempSync(join(tmpdir(), "lock-file-"));
afterAll(() => rmSync(root, { recursive: true }));

describe("lockFile()", () => {
  test("makes the file, for its owner only, and locks it once", async () => {
    const path = join(root, "lock");
    const lock = await runtime.lockFile(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await runtime.lockFile(path)).toBeUndefined();
    await lock?.release();
    const again = await runtime.lockFile(path);
    expect(again).toBeDefined();
    await again?.release();
  });

  test("leaves what the file holds", async () => {
    const path = join(root, "held");
    writeFileSync(path, "42");
    const lock = await runtime.lockFile(path);
    expect(readFileSync(path, "utf8")).toBe("42");
    await lock?.release();
  });

  test("says why a file cannot be opened", async () => {
    await expect(runtime.lockFile(join(root, "none", "lock"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});
