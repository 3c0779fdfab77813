import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { dirname, resolve } from "node:path";
import { errorMessage, formatSize } from "../base/index.ts";
import { type ComponentConfig, type ComponentKind, referencesIn, writtenTargets } from "../component/index.ts";
import { checkCluster, clusterWarnings } from "./check-cluster.ts";
import { checkReferences } from "./check-references.ts";
import { ConfigError } from "./config-error.ts";
import { decodeText } from "./decode-text.ts";
import { deepFreeze } from "./deep-freeze.ts";
import { type Environment, expandEnvironment } from "./expand-environment.ts";
import { explain, type ExplainOptions } from "./explain.ts";
import type { Finding } from "./finding.ts";
import { prepareComponents } from "./prepare-components.ts";
import { type Declared, readComponents } from "./read-components.ts";
import { type ConfigFormat, formatOf, readTree } from "./read-tree.ts";
import { unusedWarnings } from "./unused-warnings.ts";
import { readSettings, type Settings, settings } from "./settings.ts";

/** A configuration that was checked whole. What it says is frozen. */
export interface Config extends Settings {
  readonly components: readonly ComponentConfig[];
  /**
   * SHA-256 of the text as it stands in the file, which is what `sha256sum` prints. Not of what the environment puts in: who can read
   * the hash could try values of a short secret on it.
   */
  readonly hash: string;
  /** What is legal but probably not meant, a sentence each. */
  readonly warnings: readonly string[];
}

export interface LoadOptions {
  /** As the user named it: relative paths in the file start from its directory, messages begin with it. */
  readonly path: string;
  /** The kinds of components there are. */
  readonly kinds: readonly ComponentKind[];
  readonly env: Environment;
}

export interface ConfigOptions extends LoadOptions {
  /** By default told from the path and the text. */
  readonly format?: ConfigFormat;
}

/** Reads and checks a file. Throws ConfigError: `unreadable`, `syntax` or `invalid`. */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const { path } = options;
  return parseConfig(decodeText(await readBytes(path), path), options);
}

/**
 * Where an agent with this file listens, for who looks at the file from beside it, without the environment and the secrets that the rest
 * of it needs. Throws ConfigError.
 */
export async function loadListenAddress({
  path,
  env,
}: Pick<LoadOptions, "path" | "env">): Promise<Pick<Settings["server"], "host" | "port">> {
  const text = decodeText(await readBytes(path), path);
  const format = formatOf(path, text);
  const { server } = (await readTree(text, { path, format })) as { server?: Readonly<Record<string, unknown>> };
  const listenAddress = server?.["listen_address"];
  const findings: Finding[] = [];
  const written = { server: listenAddress === undefined ? {} : { listen_address: listenAddress } };
  const tree = expandEnvironment(written, env, findings) as Record<string, unknown>;
  const settingsRead = readSettings(tree, { directory: dirname(resolve(path)), findings });
  if (findings.length > 0)
    throw new ConfigError(
      "invalid",
      await explain(findings, { text, file: path, format, tree, schemas: schemasOf([]) }),
    );
  return settingsRead.server;
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const chunks: Buffer[] = [];
    // `end` is inclusive: one byte more than is taken shows that there is more.
    for await (const chunk of createReadStream(path, { end: maxFileBytes })) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    if (bytes.byteLength <= maxFileBytes) return bytes;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    const why = reasons[code ?? ""] ?? errorMessage(thrown);
    throw new ConfigError("unreadable", [{ file: path, key: "", message: `cannot be read: ${why}` }], {
      cause: thrown,
    });
  }
  const message = `is larger than ${formatSize(maxFileBytes)}, which no configuration is`;
  throw new ConfigError("unreadable", [{ file: path, key: "", message }]);
}

const maxFileBytes = 16 * 1024 ** 2;

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
};

/** Checks a text. Throws ConfigError: `syntax` with what ended the reading, or `invalid` with every problem there is. */
export async function parseConfig(content: string, options: ConfigOptions): Promise<Config> {
  const { path, kinds, env } = options;
  // An editor's byte order mark is no part of the text.
  const text = content.replace(/^\uFEFF/, "");
  const format = options.format ?? formatOf(path, text);
  const written = await readTree(text, { path, format });
  const findings: Finding[] = [];
  const tree = expandEnvironment(written, env, findings) as Record<string, unknown>;
  const shared = { directory: dirname(resolve(path)), findings };
  const general = readSettings(tree, shared);
  await prepareComponents(tree, kinds);
  const declared = readComponents(tree, { ...shared, kinds });
  checkReferences(declared, { kinds, findings });
  // Kinds are asked about arguments that are whole.
  if (general.cluster && findings.length === 0) checkCluster(declared, findings);
  if (findings.length > 0)
    throw new ConfigError(
      "invalid",
      await explain(findings, { text, file: path, format, tree, schemas: schemasOf(declared) }),
    );
  const components = declared.flatMap(toComponent);
  return {
    ...deepFreeze(general),
    components,
    hash: createHash("sha256").update(content).digest("hex"),
    warnings: [
      ...(await warningsOf(components)),
      ...unusedWarnings(components),
      ...(await clusterWarnings(general.cluster, components)),
    ],
  };
}

async function warningsOf(components: readonly ComponentConfig[]): Promise<readonly string[]> {
  if (components.length === 0)
    return ["The configuration has no component, so there is nothing to do; begin with [pyroscope.scrape.LABEL]"];
  const written = writtenTargets(components);
  const warnings = components.map(
    async ({ id, kind, args }) => (await kind.warnings?.(id, args, written.get(id) ?? [])) ?? [],
  );
  return (await Promise.all(warnings)).flat();
}

function toComponent({ id, kind, raw, args }: Declared): readonly ComponentConfig[] {
  return kind ? [{ id, kind, raw: deepFreeze(raw), args: deepFreeze(args), references: referencesIn(args) }] : [];
}

function schemasOf(declared: readonly Declared[]): ExplainOptions["schemas"] {
  const general = Object.entries(settings).map(([name, schema]) => ({ path: [name], schema }));
  const components = declared.flatMap(({ id, path, kind }) =>
    kind ? [{ path, schema: kind.schema, component: id }] : [],
  );
  return [...general, ...components];
}
