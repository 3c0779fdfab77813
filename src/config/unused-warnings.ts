import type { ComponentConfig } from "../component/index.ts";

/** Components that find targets for nobody. */
export function unusedWarnings(components: readonly ComponentConfig[]): readonly string[] {
  const taken = new Set(components.flatMap(({ references }) => references.map(({ id }) => id)));
  return components
    .filter(({ id, kind }) => kind.exports === "targets" && !taken.has(id))
    .map(({ id }) => `${id}: nobody takes the targets that it finds; name it in targets of a pyroscope.scrape`);
}
