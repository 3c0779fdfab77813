import type { ComponentConfig } from "../component/index.ts";
import type { Target } from "../model/index.ts";
import type { Ways } from "./explain-choice.ts";
import { type Start, takersOf } from "./explain-targets.ts";
import type { Found } from "./find-targets.ts";

/** Targets that are given by hand, for every component that others feed with targets. */
export function startsByHand({ before, all }: Ways, byHand: readonly Target[]): readonly Start[] {
  // A component that finds targets takes none: those by hand go to whoever takes its own.
  const components = before.every(({ kind }) => kind.findTargets !== undefined) ? all : before;
  const first = components.filter(
    (component) => component.kind.explainTarget && isFedFromOutside(component, components),
  );
  return byHand.flatMap((target) => first.map((taker) => ({ target, takers: [taker] })));
}

/** The targets in the file, and those that were found. */
export function startsOf({ before, all }: Ways, found: readonly Found[]): readonly Start[] {
  const written = before.flatMap((taker) =>
    (taker.kind.literalTargets?.(taker.args) ?? []).map((target): Start => ({ target, takers: [taker] })),
  );
  const discovered = found.flatMap(({ component: { id }, targets }) => {
    const takers = takersOf(all, id);
    return targets.map((target): Start => ({ target, foundBy: id, takers }));
  });
  return [...written, ...discovered];
}

/** Whether targets come to it from the file or from a component that finds them, and not only through other rules. */
function isFedFromOutside(
  { kind, args, references }: ComponentConfig,
  components: readonly ComponentConfig[],
): boolean {
  if ((kind.literalTargets?.(args) ?? []).length > 0) return true;
  const sources = references.filter(({ needs }) => needs === "targets").map(({ id }) => id);
  return components.some(({ id, kind: source }) => sources.includes(id) && !source.explainTarget);
}
