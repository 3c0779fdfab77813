import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "../..");
const pages = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "bench/README.md"]
  .concat(readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).map((path) => join("docs", path)))
  .filter((path) => path.endsWith(".md") && existsSync(join(root, path)));

describe("A page", () => {
  test.each(pages)("%s links to what exists", (page) => {
    const links = [...readFileSync(join(root, page), "utf8").matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, link]) => link as string)
      .filter((link) => !link.includes("://"));
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  test.each(pages)("%s names files of the tree that exist", (page) => {
    const paths = [
      ...readFileSync(join(root, page), "utf8").matchAll(/`((?:src|test|bench|examples|\.ci)\/[\w./-]+)`/g),
    ];
    expect(paths.map(([, path]) => path as string).filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});
