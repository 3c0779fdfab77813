import { nearest } from "../base/index.ts";
import { type ComponentKind, type ExportKind, Reference } from "../component/index.ts";
import { isTable, notYetSentence } from "../schema/index.ts";
import { type Finding, formatPath, type Path } from "./finding.ts";
import { laterKinds } from "./later-kinds.ts";
import type { Declared } from "./read-components.ts";

interface Placed {
  readonly reference: Reference;
  readonly path: Path;
}

const offers: Readonly<Record<ExportKind, string>> = { receiver: "takes profiles", targets: "finds targets" };

const offer: Readonly<Record<ExportKind, string>> = { receiver: "take profiles", targets: "find targets" };

/** Reports references to components that are not there, to such as do not export what is needed, doubles and circles. */
export function checkReferences(
  declared: readonly Declared[],
  { kinds, findings }: { readonly kinds: readonly ComponentKind[]; readonly findings: Finding[] },
): void {
  const byId = new Map(declared.map((component) => [component.id, component]));
  const flows = new Map<string, readonly Placed[]>();
  for (const { id, path, args } of declared) {
    const placed = placedIn(args, path);
    reportDoubles(placed, findings);
    const sound = placed.filter(({ reference, path: at }) => {
      const message = problemOf(reference, { kinds, byId, from: id });
      if (message !== undefined) findings.push({ path: at, at: "value", message });
      return message === undefined;
    });
    flows.set(id, sound);
  }
  reportCircles(flows, findings);
}

/** The references inside arguments, with where they stand. */
function placedIn(value: unknown, path: Path): readonly Placed[] {
  if (value instanceof Reference) return [{ reference: value, path }];
  if (Array.isArray(value)) return value.flatMap((item, index) => placedIn(item, [...path, index]));
  if (isTable(value)) return Object.entries(value).flatMap(([key, item]) => placedIn(item, [...path, key]));
  return [];
}

/** A component named twice in one list would get every profile twice, or give its targets twice. */
function reportDoubles(placed: readonly Placed[], findings: Finding[]): void {
  const first = new Map<string, Path>();
  for (const { reference, path } of placed) {
    const key = formatPath([...path.slice(0, -1), reference.id]);
    const other = first.get(key);
    if (other === undefined) first.set(key, path);
    else
      findings.push({
        path,
        at: "value",
        message: `names "${reference.id}", which ${formatPath(other)} names too; remove one of the two`,
      });
  }
}

interface Known {
  readonly byId: ReadonlyMap<string, Declared>;
  readonly kinds: readonly ComponentKind[];
  /** The component that refers. */
  readonly from: string;
}

function problemOf({ id, needs }: Reference, known: Known): string | undefined {
  const target = known.byId.get(id);
  const fitting = idsThatExport(needs, known);
  if (target) {
    // A kind of a later version has been refused where it stands.
    if (!target.kind || target.kind.exports === needs) return undefined;
    return `"${id}" is no component that ${offers[needs]}${fitting.length > 0 ? `; one that does is ${quoted(fitting)}` : ""}`;
  }
  const near = nearest(id, fitting);
  if (near) return `there is no component "${id}"; did you mean "${near}"?`;
  const instead = fitting.length > 0 ? `, or use ${quoted(fitting)}` : "";
  return `there is no component "${id}"${advice(id, { needs, kinds: known.kinds })}${instead}`;
}

/** How the component could come to be there, if this version can have it at all. */
function advice(id: string, { needs, kinds }: { needs: ExportKind; kinds: readonly ComponentKind[] }): string {
  const kindName = id.slice(0, id.lastIndexOf("."));
  const capable = kinds.filter((kind) => kind.exports === needs).map(({ name }) => name);
  if (capable.includes(kindName)) return `; add [${id}]`;
  if (laterKinds.has(kindName)) return `; ${notYetSentence(`${kindName} is`, whatOffers(needs, capable))}`;
  const unknown = kinds.some(({ name }) => name === kindName) ? "" : `, nor a kind "${kindName}"`;
  return `${unknown}; ${whatOffers(needs, capable)}`;
}

function whatOffers(needs: ExportKind, capable: readonly string[]): string {
  if (capable.length > 0) return `the kinds that ${offer[needs]} are ${capable.join(", ")}`;
  const instead = needs === "targets" ? ': write them out, as { __address__ = "host:port" }' : "";
  return `no kind of this version can ${offer[needs]}${instead}`;
}

/** But itself. */
function idsThatExport(needs: ExportKind, { byId, from }: Known): readonly string[] {
  return [...byId.values()].filter(({ id, kind }) => kind?.exports === needs && id !== from).map(({ id }) => id);
}

function quoted(ids: readonly string[]): string {
  return ids
    .slice(0, 3)
    .map((id) => `"${id}"`)
    .join(" or ");
}

/** Reports each circle once, at the reference that closes it, going through the components in the order of the file. */
function reportCircles(flows: ReadonlyMap<string, readonly Placed[]>, findings: Finding[]): void {
  const done = new Set<string>();
  const visit = (id: string, trail: readonly string[]): void => {
    for (const { reference, path } of flows.get(id) ?? []) {
      const start = trail.indexOf(reference.id);
      if (start >= 0) {
        const circle = [...trail.slice(start), reference.id].join(" -> ");
        findings.push({
          path,
          at: "value",
          message: `closes a circle: ${circle}; profiles and targets must flow one way`,
        });
      } else if (!done.has(reference.id)) visit(reference.id, [...trail, reference.id]);
    }
    done.add(id);
  };
  for (const id of flows.keys()) if (!done.has(id)) visit(id, [id]);
}
