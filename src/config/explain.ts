import type { GenericSchema } from "valibot";
import { compareText, nearest } from "../base/index.ts";
import type { ConfigProblem } from "./config-error.ts";
import { type Finding, formatPath, type Path, pathAsWritten, startsWith } from "./finding.ts";
import { foreignArgument } from "./foreign-arguments.ts";
import type { Positions } from "./positions.ts";
import type { ConfigFormat } from "./read-tree.ts";
import { entriesAt, pathsTo } from "./schema-walk.ts";

export interface ExplainOptions {
  readonly text: string;
  readonly file: string;
  readonly format: ConfigFormat;
  readonly tree: unknown;
  /** The tables that have a schema, by where they stand. */
  readonly schemas: readonly { readonly path: Path; readonly schema: GenericSchema; readonly component?: string }[];
}

interface Explained {
  readonly finding: Finding;
  readonly message: string;
  /** The argument that was meant, where it is another one. */
  readonly meant?: Path;
}

/** Findings as problems with positions, with what may have been meant, in the order of the file. */
export async function explain(
  findings: readonly Finding[],
  options: ExplainOptions,
): Promise<readonly ConfigProblem[]> {
  const { text, file, format, tree, schemas } = options;
  // The explaining parser is another one: should they ever differ, a problem without its place is better than none.
  const positions = await positionsOf(text, format).catch(() => undefined);
  const explained = withoutEchoes(findings.map((finding) => explainOne(finding, options)));
  const problems = explained.map(({ finding, message }): ConfigProblem => {
    const path = pathAsWritten(tree, finding.path);
    const component = schemas.find((table) => startsWith(path, table.path))?.component;
    return {
      file,
      ...positions?.find(path, finding.at),
      key: withoutUserinfo(formatPath(path)),
      ...(component && { component: withoutUserinfo(component) }),
      message: withoutUserinfo(message),
    };
  });
  return problems.sort(inOrder);
}

/** Keys are quoted as they stand, also where somebody wrote a URL for one. */
function withoutUserinfo(text: string): string {
  return text.replace(/:\/\/[^\s"]*@/g, "://…@");
}

async function positionsOf(text: string, format: ConfigFormat): Promise<Positions> {
  // Loaded only to explain a file already found wrong.
  if (format === "json") return (await import("./json-positions.ts")).jsonPositions(text);
  return (await import("./toml-positions.ts")).tomlPositions(text);
}

/** Drops findings that only follow from others: one mistake should read as one. */
function withoutEchoes(all: readonly Explained[]): readonly Explained[] {
  const meant = new Set(all.flatMap(({ meant: path }) => (path ? [formatPath(path)] : [])));
  const unexpanded = new Set(
    all.filter(({ finding }) => finding.type === "environment").map(({ finding }) => formatPath(finding.path)),
  );
  return all.filter(({ finding: { type, path } }) => {
    if (type === "missing_key") return !meant.has(formatPath(path));
    return type === "environment" || !unexpanded.has(formatPath(path));
  });
}

function explainOne(finding: Finding, { schemas, format, tree }: ExplainOptions): Explained {
  const { path, message, type } = finding;
  if (blamesDefault(finding, tree)) return { finding, message: `${message}, which is its default` };
  const table = schemas.find((candidate) => startsWith(path, candidate.path));
  const key = path.at(-1);
  if (type !== "unknown_key" || !table || typeof key !== "string") return { finding, message };
  const inside = path.slice(table.path.length, -1);
  const unknown: Unknown = { key, inside, root: table.path, schema: table.schema, format, message };
  return {
    finding,
    ...(foreign(unknown) ??
      belongsAbove(unknown) ??
      belongsBelow(unknown) ??
      typingError(unknown) ?? { message: listing(unknown) }),
  };
}

/** Whether a value is quoted that the file does not hold: two arguments may not fit, of which one was left out. */
function blamesDefault({ path, message, type }: Finding, tree: unknown): boolean {
  return type === "cross_check" && /, found [^,;]+$/.test(message) && valueAt(tree, path) === undefined;
}

interface Unknown {
  readonly key: string;
  /** The table it was found in, from the component's on. */
  readonly inside: Path;
  readonly root: Path;
  readonly schema: GenericSchema;
  readonly format: ConfigFormat;
  readonly message: string;
}

type Meant = Pick<Explained, "message" | "meant">;

/** A word of another system. */
function foreign({ key, inside, root, schema, message }: Unknown): Meant | undefined {
  const known = Object.keys(entriesAt(schema, inside) ?? {});
  const said = foreignArgument(key, { table: [...root, ...inside], known });
  return said === undefined ? undefined : { message: `${message}; ${said}` };
}

/** An argument of a table further out: in TOML, everything below a [table] line is inside that table. */
function belongsAbove({ key, inside, root, schema, format }: Unknown): Meant | undefined {
  for (let length = inside.length - 1; length >= 0; length--) {
    const entries = entriesAt(schema, inside.slice(0, length));
    if (!entries || !Object.hasOwn(entries, key)) continue;
    const owner = formatPath([...root, ...inside.slice(0, length)]);
    const advice =
      format === "toml"
        ? `${key} belongs to [${owner}], but a line below a [table] is inside that table; move it up, right below [${owner}]`
        : `${key} belongs to ${owner}; move it there`;
    return { message: advice, meant: [...root, ...inside.slice(0, length), key] };
  }
  return undefined;
}

/** An argument that just one table further in has. */
function belongsBelow({ key, inside, root, schema, format }: Unknown): Meant | undefined {
  const here = entriesAt(schema, inside);
  if (!here) return undefined;
  const [only, ...more] = Object.entries(here).flatMap(([name, inner]) =>
    pathsTo(key, inner).map((path) => [name, ...path]),
  );
  if (!only || more.length > 0) return undefined;
  const owner = formatPath([...root, ...inside, ...only.slice(0, -1)]);
  return {
    message: `${key} belongs to ${format === "toml" ? `[${owner}]` : owner}; move it there`,
    meant: [...root, ...inside, ...only],
  };
}

function typingError({ key, inside, root, schema, message }: Unknown): Meant | undefined {
  const near = nearest(key, Object.keys(entriesAt(schema, inside) ?? {}));
  // What the table itself says of unknown keys ends where its own advice begins.
  const said = message.split(";")[0] as string;
  return near === undefined
    ? undefined
    : { message: `${said}; did you mean "${near}"?`, meant: [...root, ...inside, near] };
}

const mostListed = 10;

function listing({ inside, schema, message }: Unknown): string {
  const known = Object.keys(entriesAt(schema, inside) ?? {});
  if (message.includes(";") || known.length === 0) return message;
  const more = known.length > mostListed ? ` and ${known.length - mostListed} more` : "";
  return `${message}; this table takes ${known.slice(0, mostListed).join(", ")}${more}`;
}

function valueAt(tree: unknown, path: Path): unknown {
  return pathAsWritten(tree, path).reduce(
    (value, key) => (value as Record<string | number, unknown> | null | undefined)?.[key],
    tree,
  );
}

function inOrder(a: ConfigProblem, b: ConfigProblem): number {
  const byLine = (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
  return byLine || compareText(a.key, b.key) || compareText(a.message, b.message);
}
