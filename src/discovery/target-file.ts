import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { extname } from "node:path";
import { errorMessage, formatSize, limits, preview } from "../base/index.ts";
import type { Target } from "../model/index.ts";
import { isTable } from "../schema/index.ts";
import { DiscoveryError } from "./discovery-error.ts";
import { JsonProblem, parseJson } from "./parse-json.ts";
import { targetsOfGroups } from "./target-groups.ts";

/** What a file of targets holds, as far as it was read. */
export interface TargetFile {
  /** Of its bytes. */
  readonly hash: string;
  /** Throws a DiscoveryError with the reason, and where there is one the line, where it is no list of groups. */
  parse(): Promise<readonly Target[]>;
}

/** Reads a file of targets. Rejects with a DiscoveryError, `missing` where there is no such file. */
export async function readTargetFile(path: string): Promise<TargetFile> {
  const cannot = `Cannot read targets from "${preview(path, 256)}"`;
  const bytes = await readBounded(path, cannot);
  return {
    hash: createHash("sha256").update(bytes).digest("hex"),
    async parse() {
      const text = bytes.toString();
      // Whoever writes a file in place empties it first.
      if (text.trim() === "") throw new DiscoveryError("unreadable", `${cannot}: it is empty; write [] for no targets`);
      const value = await decode(text, { path, cannot });
      return targetsOfGroups(value, { cannot, meta: { __meta_filepath: path } });
    },
  };
}

const causes: Readonly<Record<string, string>> = {
  EACCES: "permission denied; let the user that the agent runs as read it",
  EPERM: "permission denied; let the user that the agent runs as read it",
};

async function readBounded(path: string, cannot: string): Promise<Buffer> {
  const maxBytes = limits.discoveryBytes;
  try {
    // A pipe would be waited for without end, when it is opened and when it is read. Windows has no such flag.
    const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      if (!(await file.stat()).isFile())
        throw new DiscoveryError("unreadable", `${cannot}: it is not a regular file; name files only`);
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of file.createReadStream({ end: maxBytes, autoClose: false })) {
        chunks.push(chunk as Buffer);
        size += (chunk as Buffer).length;
      }
      if (size > maxBytes)
        throw new DiscoveryError("too_large", `${cannot}: it has more than the limit of ${formatSize(maxBytes)}`);
      return Buffer.concat(chunks);
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof DiscoveryError) throw cause;
    const { code = "" } = cause as { code?: string };
    if (code === "ENOENT") throw new DiscoveryError("missing", `${cannot}: there is no such file`, { cause });
    throw new DiscoveryError("unreadable", `${cannot}: ${causes[code] ?? preview(errorMessage(cause), 256)}`, {
      cause,
    });
  }
}

interface DecodeOptions {
  readonly path: string;
  readonly cannot: string;
}

/** What a parser says, and where. */
class SyntaxProblem extends Error {
  readonly line: number | undefined;

  constructor(message: string, line: number | undefined) {
    super(message);
    this.line = line;
  }
}

type Decode = (text: string) => Promise<unknown>;

/** Parsers are loaded when a file needs them: YAML's takes 7 MB. */
const decoders: Readonly<Record<string, Decode>> = {
  ".json": decodeJson,
  ".yml": decodeYaml,
  ".yaml": decodeYaml,
  ".toml": decodeToml,
};

export const targetFileExtensions: readonly string[] = Object.keys(decoders);

async function decode(text: string, { path, cannot }: DecodeOptions): Promise<unknown> {
  try {
    return await (decoders[extname(path).toLowerCase()] as Decode)(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxProblem)) throw cause;
    const place = cause.line === undefined ? "" : `line ${cause.line}: `;
    throw new DiscoveryError("bad_answer", `${cannot}: ${place}${cause.message}`, { cause });
  }
}

async function decodeJson(text: string): Promise<unknown> {
  try {
    return await parseJson(text);
  } catch (thrown) {
    if (!(thrown instanceof JsonProblem)) throw thrown;
    throw new SyntaxProblem(`not valid JSON: ${thrown.message}`, thrown.line);
  }
}

async function decodeYaml(text: string): Promise<unknown> {
  const { FAILSAFE_SCHEMA, load, YAMLException } = await import("js-yaml");
  try {
    // Without types: 1.10 is the text "1.10", as in a label.
    return load(text, { schema: FAILSAFE_SCHEMA });
  } catch (thrown) {
    if (!(thrown instanceof YAMLException)) throw thrown;
    const { line } = thrown.mark ?? {};
    throw new SyntaxProblem(
      `not valid YAML: ${preview(thrown.reason, 200)}`,
      line === undefined ? undefined : line + 1,
    );
  }
}

async function decodeToml(text: string): Promise<unknown> {
  const { parse, TomlError } = await import("smol-toml");
  let tree: unknown;
  try {
    tree = parse(text);
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const [said = ""] = thrown.message.split("\n");
    throw new SyntaxProblem(
      `not valid TOML: ${preview(said.replace(/^Invalid TOML document: /, ""), 200)}`,
      thrown.line,
    );
  }
  // A TOML file is a table: the list of groups needs a name.
  if (!isTable(tree) || Object.keys(tree).some((key) => key !== "group"))
    throw new SyntaxProblem("a TOML file of targets consists of [[group]] tables with targets and labels", undefined);
  return tree["group"] ?? [];
}
