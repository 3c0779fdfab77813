import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentCommand } from "../e2e/agent.ts";
import { runChild } from "../support/child.ts";

const root = join(import.meta.dirname, "../..");
const pages = ["README.md", ...readdirSync(join(root, "docs"), { encoding: "utf8" }).map((name) => join("docs", name))];
const configs = pages
  .filter((page) => page.endsWith(".md"))
  .flatMap((page) =>
    [...readFileSync(join(root, page), "utf8").matchAll(/^```(toml)\n([\s\S]*?)^```$/gm)].map(
      ([, format, text], index) => [`${page} (${index + 1})`, format as string, text as string] as const,
    ),
  );

describe("A configuration shown in", () => {
  test.each(configs)("%s is valid", async (_place, format, text) => {
    const directory = mkdtempSync(join(tmpdir(), "pprof-agent-docs-"));
    try {
      const file = join(directory, `agent.${format}`);
      writeFileSync(file, text);
      const { exit, stderr } = await runChild([...agentCommand, "check", "--config", file]);
      expect({ exit, stderr }).toMatchObject({ exit: 0 });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
