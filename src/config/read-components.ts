import { nearest } from "../base/index.ts";
import { type ComponentKind, renamedKinds } from "../component/index.ts";
import { foundKind, isTable, notYetSentence } from "../schema/index.ts";
import { checkSchema } from "./check-schema.ts";
import { type Finding, formatPath, type Path } from "./finding.ts";
import { laterKinds } from "./later-kinds.ts";
import { entriesAt } from "./schema-walk.ts";
import { settings } from "./settings.ts";

/** A component's table, checked against its kind's schema but not yet against the other components. */
export interface Declared {
  readonly id: string;
  readonly path: Path;
  /** Absent where the kind is one of a later version. */
  readonly kind?: ComponentKind;
  readonly raw: unknown;
  /** Only whole where there is no finding. */
  readonly args: unknown;
}

export interface ReadOptions {
  readonly kinds: readonly ComponentKind[];
  readonly directory: string;
  readonly findings: Finding[];
}

/** The components of the tree, in its order: every table group.name.label that is none of the settings. */
export function readComponents(tree: Readonly<Record<string, unknown>>, options: ReadOptions): readonly Declared[] {
  const declared: Declared[] = [];
  for (const [group, names] of Object.entries(tree)) {
    // Editors find the published schema by `$schema`.
    if (group === "$schema" || Object.hasOwn(settings, group)) continue;
    if (!checkGroup(group, names, options)) continue;
    for (const [name, labels] of Object.entries(names)) declared.push(...readKind([group, name], labels, options));
  }
  reportDoubles(declared, options.findings);
  return declared;
}

function checkGroup(group: string, names: unknown, { kinds, findings }: ReadOptions): names is Record<string, unknown> {
  const groups = new Set(
    [...kinds.map(({ name }) => name), ...laterKinds, ...Object.keys(renamedKinds)].map(
      (name) => name.split(".")[0] as string,
    ),
  );
  const refuse = (message: string): false => {
    findings.push({ path: [group], at: "key", message });
    return false;
  };
  if (groups.has(group)) {
    const wrong = (): string => `expected tables such as [${examples(kinds, group)}], found ${foundKind(names)}`;
    return isTable(names) || refuse(wrong());
  }
  const near = nearest(group, [...groups, ...Object.keys(settings)]);
  if (near) return refuse(`unknown table; did you mean "${near}"?`);
  if (isTable(names)) return refuse(`unknown table; there are ${listed([...Object.keys(settings), ...groups])}`);
  return refuse(
    `stands above all tables; an argument belongs below the table of its component, such as [${examples(kinds)}]`,
  );
}

function readKind(
  [group, name]: readonly [string, string],
  labels: unknown,
  options: ReadOptions,
): readonly Declared[] {
  const { kinds, findings } = options;
  const writtenName = `${group}.${name}`;
  const kindName = renamedKinds[writtenName] ?? writtenName;
  const kind = kinds.find((candidate) => candidate.name === kindName);
  const path = [group, name];
  const refuse = (message: string): readonly Declared[] => {
    findings.push({ path, at: "key", message });
    return [];
  };
  if (!kind && !laterKinds.has(kindName)) return refuse(unknownKind(kindName, kinds));
  if (Array.isArray(labels))
    return refuse(`expected a table with a label; write [${kindName}.LABEL] with single brackets`);
  if (!isTable(labels)) return refuse(`expected a table; write [${kindName}.LABEL]`);
  const [bare] = Object.entries(labels).find(([label, args]) => !isTable(args) || isArgument(label, args, kind)) ?? [];
  if (bare !== undefined) return refuse(withoutLabel(bare, labels[bare], { kindName, kind }));
  return Object.entries(labels).map(([label, raw]): Declared => {
    const id = `${kindName}.${label}`;
    const at = [...path, label];
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(label))
      findings.push({ path: at, at: "key", message: `the label must match [A-Za-z_][A-Za-z0-9_]*${labelHint(label)}` });
    if (!kind) {
      findings.push({ path: at, at: "key", message: notYetSentence(`${kindName} is`, insteadOf(kindName, kinds)) });
      return { id, path: at, raw, args: undefined };
    }
    return { id, path: at, kind, raw, args: checkSchema(kind.schema, raw, { ...options, path: at }) };
  });
}

/** Whether a table in the place of a component's is one of the tables inside it, such as `endpoint`: of the component itself it has nothing. */
function isArgument(name: string, raw: Record<string, unknown>, kind: ComponentKind | undefined): boolean {
  const own = kind && entriesAt(kind.schema, []);
  const inside = kind && entriesAt(kind.schema, [name]);
  if (!own || !inside) return false;
  const keys = Object.keys(raw);
  return keys.some((key) => Object.hasOwn(inside, key)) && !keys.some((key) => Object.hasOwn(own, key));
}

/** What stands where a component's table should: an argument of a table without a label, or a list of tables. */
function withoutLabel(
  name: string,
  value: unknown,
  { kindName, kind }: { readonly kindName: string; readonly kind: ComponentKind | undefined },
): string {
  const isKnown = kind && Object.hasOwn(entriesAt(kind.schema, []) ?? {}, name);
  if (Array.isArray(value) && !isKnown)
    return `there is one ${kindName}.${name}; write it with single brackets, [${kindName}.${name}]`;
  return `a component needs a label; write [${kindName}.LABEL], for example [${kindName}.default]`;
}

/** An id can stand twice only under an older and a newer name of its kind: TOML and JSON have no double keys. */
function reportDoubles(declared: readonly Declared[], findings: Finding[]): void {
  const seen = new Map<string, Path>();
  for (const { id, path } of declared) {
    const other = seen.get(id);
    const message = `is the same component as [${formatPath(other ?? [])}]; keep one of the two`;
    if (other) findings.push({ path, at: "key", message });
    seen.set(id, path);
  }
}

function unknownKind(kindName: string, kinds: readonly ComponentKind[]): string {
  const known = kinds.map(({ name }) => name);
  const near = nearest(kindName, [...known, ...laterKinds]);
  return `unknown kind of component; ${near ? `did you mean "${near}"?` : `there are ${listed(known)}`}`;
}

/** What this version has for a kind that it has not. */
function insteadOf(kindName: string, kinds: readonly ComponentKind[]): string {
  if (kindName === "pyroscope.relabel") return 'give its rules to a pyroscope.write, as "rule"';
  if (!kindName.startsWith("discovery.")) return "remove it";
  const finding = kinds.filter((kind) => kind.findTargets !== undefined).map(({ name }) => name);
  return finding.length > 0 ? `what finds targets here is ${listed(finding)}` : "remove it";
}

function labelHint(label: string): string {
  // A URL, perhaps with a password in it, was never meant to be a label.
  if (label.includes("@")) return "";
  const legal = label.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "_");
  return legal === "" ? "" : `; "${legal}" would do`;
}

function examples(kinds: readonly ComponentKind[], group?: string): string {
  const kind = kinds.find(({ name }) => group === undefined || name.startsWith(`${group}.`));
  return `${kind?.name ?? `${group}.KIND`}.LABEL`;
}

function listed(names: readonly string[]): string {
  return names.join(", ");
}
