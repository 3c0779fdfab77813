import { describe, expect, test } from "bun:test";
import { Validator } from "@cfworker/json-schema";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { generateDocs } from "../tools/generate-docs.ts";
import { structure } from "./bad/structure.ts";

const root = join(import.meta.dirname, "../..");
const files = generateDocs();
const validator = new Validator(JSON.parse(files.get("docs/config.schema.json") ?? "") as object, "7");
const examples = readdirSync(join(root, "examples"), { recursive: true, encoding: "utf8" }).filter((file) =>
  /\.(toml|json)$/.test(file),
);

function read(file: string): unknown {
  const text = readFileSync(join(root, "examples", file), "utf8");
  return file.endsWith(".json") ? JSON.parse(text) : JSON.parse(JSON.stringify(parseToml(text)));
}

describe("The published schema", () => {
  test.each(examples)("accepts examples/%s", (file) => {
    expect(validator.validate(read(file))).toMatchObject({ valid: true });
  });

  test("refuses an argument that the agent does not know", () => {
    const [unknown] = structure;
    expect(validator.validate(JSON.parse(JSON.stringify(parseToml(unknown?.text ?? ""))))).toMatchObject({
      valid: false,
    });
  });

  test("describes every argument", () => {
    const undescribed = [...files].flatMap(([path, text]) =>
      text
        .split("\n")
        .filter((line) => /^\| `\w+` \|/.test(line) && line.split(" | ")[3] === "")
        .map((line) => `${path}: ${line}`),
    );
    expect(undescribed).toEqual([]);
  });
});

describe("The generated documents", () => {
  test.each([...files.keys()])("%s is what the schemas say", (path) => {
    expect(readFileSync(join(root, path), "utf8")).toBe(files.get(path) as string);
  });
});
