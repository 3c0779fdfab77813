import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("floods-stderr.ts", import.meta.url));
const isDeno = "deno" in process.versions;
const command = [...(isDeno ? ["run", "-A", "--no-check"] : []), program];

/** Runs the program with this as its standard error; resolves with what it said and how it ended. */
async function flood(stderr: "pipe" | number) {
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", stderr] });
  let said = "";
  child.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const exit = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.stderr?.destroy();
  return { exit, ...(JSON.parse(said) as { taken: number; dropped: number }) };
}

// Deno waits in every write until a pipe is read.
test.skipIf(isDeno)("Who does not read standard error costs bounded memory, and no clean end", async () => {
  const { exit, taken, dropped } = await flood("pipe");
  expect(exit).toBe(0);
  expect(taken * 200).toBeLessThan(3 * 1024 ** 2);
  expect(taken + dropped).toBe(50_000);
});

test("A file takes all that is not dropped, in one piece and in order", async () => {
  const path = join(tmpdir(), `floods-stderr-${process.pid}.log`);
  try {
    const { exit, taken } = await flood(openSync(path, "w"));
    const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
    expect(exit).toBe(0);
    expect(lines).toHaveLength(taken);
    expect(lines.every((line) => line === "x".repeat(199))).toBe(true);
  } finally {
    rmSync(path, { force: true });
  }
});
