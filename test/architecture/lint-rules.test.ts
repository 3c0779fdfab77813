import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

// The house rules that a linter already knows are left to it. What is checked here is that they are switched on.
const root = join(import.meta.dirname, "../..");
const oxlint = join(root, "node_modules/oxlint/bin/oxlint");
const config = join(root, ".oxlintrc.json");
const runScript = process.versions["deno"] ? ["run", "-A"] : [];

function rulesBrokenBy(text: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), "lint-rules-"));
  try {
    const sample = join(folder, "sample.ts");
    writeFileSync(sample, text);
    const run = spawnSync(process.execPath, [...runScript, oxlint, "-c", config, "--format=json", sample], {
      encoding: "utf8",
    });
    const report = JSON.parse(run.stdout) as { diagnostics: { code: string }[] };
    return [...new Set(report.diagnostics.map((diagnostic) => diagnostic.code.replace(/.*\((.*)\)/, "$1")))];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const lines = (count: number): string => Array.from({ length: count }, (_, i) => `  call(${i});`).join("\n");

describe("The linter", () => {
  const bad: [rule: string, text: string][] = [
    ["max-lines", lines(401)],
    ["max-lines-per-function", `export function long(call: (n: number) => void): void {\n${lines(80)}\n}\n`],
    ["no-explicit-any", "export const x = JSON.parse('1') as any;"],
    ["ban-ts-comment", "// @ts-ignore\nexport const x: number = 'text';"],
    ["no-default-export", "export default 1;"],
    ["no-console", "console.log(1);"],
  ];

  test.each(bad)("refuses what breaks %s", (rule, text) => {
    expect(rulesBrokenBy(text)).toContain(rule);
  });

  test("accepts a file of 400 lines and a function of 80", () => {
    const text = `export function long(call: (n: number) => void): void {\n${lines(78)}\n}\n`;
    expect(rulesBrokenBy(text)).toEqual([]);
    expect(rulesBrokenBy(Array(400).fill("// one line").join("\n"))).not.toContain("max-lines");
  });
});
