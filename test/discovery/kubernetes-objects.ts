import type { Kept, ResourceName, Surroundings } from "../../src/discovery/kubernetes/role.ts";
import { SkippedObjects } from "../../src/discovery/skipped-objects.ts";
import { labelsToJson, type Target } from "../../src/model/index.ts";

/** The objects that are there, by resource and key. */
export type Objects = { readonly [Name in ResourceName]?: Readonly<Record<string, Kept[Name]>> };

export function around(objects: Objects = {}, skipped = new SkippedObjects()): Surroundings {
  return {
    skipped,
    reads: (resource) => objects[resource] !== undefined,
    get: <Name extends ResourceName>(resource: Name, key: string) => objects[resource]?.[key],
  };
}

const prefix = "__meta_kubernetes_";

/** The labels without the prefix that all have. */
export function shown(targets: Iterable<Target>): readonly Record<string, string>[] {
  return Array.from(targets, (target) =>
    Object.fromEntries(Object.entries(labelsToJson(target)).map(([name, value]) => [name.replace(prefix, ""), value])),
  );
}
