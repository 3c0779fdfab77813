import { nearest } from "../base/index.ts";
import { type ExportKind, Reference } from "../component/index.ts";
import { isTable } from "../schema/index.ts";
import { type Finding, formatPath, type Path } from "./finding.ts";
import type { Declared } from "./read-components.ts";

interface Placed {
  readonly reference: Reference;
  readonly path: Path;
}

const offers: Readonly<Record<ExportKind, string>> = { receiver: "takes profiles", targets: "finds targets" };

/** Reports references to components that are not there, to such as do not export what is needed, doubles and circles. */
export function checkReferences(declared: readonly Declared[], findings: Finding[]): void {
  const byId = new Map(declared.map((component) => [component.id, component]));
  const flows = new Map<string, readonly Placed[]>();
  for (const { id, path, args } of declared) {
    const placed = placedIn(args, path);
    reportDoubles(placed, findings);
    const sound = placed.filter(({ reference, path: at }) => {
      const message = problemOf(reference, byId);
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

function problemOf({ id, needs }: Reference, byId: ReadonlyMap<string, Declared>): string | undefined {
  const target = byId.get(id);
  if (target) {
    // A kind of a later version has been refused where it stands.
    if (!target.kind || target.kind.exports === needs) return undefined;
    return `"${id}" is no component that ${offers[needs]}${alternatives(needs, byId)}`;
  }
  const fitting = [...byId.values()].filter(({ kind }) => kind?.exports === needs).map((component) => component.id);
  const near = nearest(id, fitting);
  if (near) return `there is no component "${id}"; did you mean "${near}"?`;
  return `there is no component "${id}"; add [${id}]${fitting.length > 0 ? `, or use ${quoted(fitting)}` : ""}`;
}

function alternatives(needs: ExportKind, byId: ReadonlyMap<string, Declared>): string {
  const fitting = [...byId.values()].filter(({ kind }) => kind?.exports === needs).map((component) => component.id);
  return fitting.length > 0 ? `; one that does is ${quoted(fitting)}` : "";
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
