/**
 * Writes docs/config.schema.json and docs/reference/ from the schemas. With `--check` it writes nothing, prints every file that is
 * not what it would write, and fails.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { settings } from "../../src/config/index.ts";
import { argumentsOf } from "./docs/argument-docs.ts";
import { configJsonSchema } from "./docs/config-json-schema.ts";
import { documentedKinds, type DocumentedKind } from "./docs/documented-kinds.ts";
import { generated, referencePage } from "./docs/reference-page.ts";
import { shareDefinitions } from "./docs/share-definitions.ts";

const root = join(import.meta.dirname, "../..");

/** Every generated file by its path. */
export function generateDocs(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  files.set(
    "docs/config.schema.json",
    `${JSON.stringify(shareDefinitions(configJsonSchema(documentedKinds)), undefined, 2)}\n`,
  );
  for (const kind of documentedKinds) files.set(`docs/reference/${kind.name}.md`, kindPage(kind));
  for (const name of ["server", "storage", "logging", "cluster"] as const)
    files.set(
      `docs/reference/${name}.md`,
      referencePage({ title: name, intro: introOf(name), header: `[${name}]`, arguments: argumentsOf(settings[name]) }),
    );
  files.set("docs/reference/README.md", indexPage());
  return files;
}

function introOf(name: string): readonly string[] {
  return name === "cluster"
    ? ["Agents that share their targets: what happens when is in [clustering](../clustering.md)."]
    : [];
}

function kindPage({ name, summary, schema, exports, example }: DocumentedKind): string {
  const offered: Readonly<Record<string, string>> = {
    receiver: `Exports a receiver: other components hand it profiles with \`forward_to = ["${name}.LABEL"]\`.`,
    targets: `Exports targets: other components take them with \`targets = ["${name}.LABEL"]\`.`,
  };
  const text = readFileSync(join(root, "examples", example), "utf8").trimEnd();
  return referencePage({
    title: name,
    intro: [summary, offered[exports ?? ""] ?? "Exports nothing.", `\`\`\`toml\n${text}\n\`\`\``],
    header: `[${name}.LABEL]`,
    arguments: argumentsOf(schema),
  });
}

function indexPage(): string {
  return `${[
    generated,
    "# Reference",
    "A configuration is TOML or JSON of the same shape. A component is a table of its kind and a label of your choice.",
    [
      "| table | what it does |",
      "|---|---|",
      ...documentedKinds.map(({ name, summary }) => `| [\`[${name}.LABEL]\`](${name}.md) | ${summary} |`),
    ].join("\n"),
    "Beside the components: [`[server]`](server.md), [`[storage]`](storage.md), [`[logging]`](logging.md), [`[cluster]`](cluster.md).",
    '- Durations are written `"1m30s"`, `"500ms"`; sizes `"16MiB"`, `"512KB"`. A single string or table does where a list of one is meant.',
    "- `${NAME}` and `${NAME:-default}` in a string are taken from the environment; `$${` is a literal `${`.",
    "- Relative paths start from the file's directory.",
    "- Secrets are shown nowhere: not in messages, logs, metrics or on the debug page.",
    "An editor completes and checks a file with [config.schema.json](../config.schema.json): `#:schema` in TOML, `$schema` in JSON.",
  ].join("\n\n")}\n`;
}

function main(): void {
  const check = process.argv.includes("--check");
  let stale = 0;
  for (const [path, text] of generateDocs()) {
    const file = join(root, path);
    if (check) {
      if (readOrNothing(file) === text) continue;
      stale += 1;
      console.error(`${path} is not what the schemas say: run "npm run docs" and commit it`);
    } else {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
  }
  process.exitCode = stale > 0 ? 1 : 0;
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

if (import.meta.main) main();
