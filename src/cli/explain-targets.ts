import type { ComponentConfig, TargetExplanation } from "../component/index.ts";
import type { Target } from "../model/index.ts";

/** A target where it enters the configuration. */
export interface Start {
  readonly component: ComponentConfig;
  readonly target: Target;
}

/** What becomes of one target, component by component. */
export interface ExplainedTarget {
  readonly target: Target;
  readonly passages: readonly Passage[];
}

/** What one component made of it. */
export interface Passage extends TargetExplanation {
  readonly component: string;
  /** The component that it came from; absent where it was written or given by hand. */
  readonly from?: string;
}

/** Follows every target through the components that take it. */
export function explainAll(
  components: readonly ComponentConfig[],
  starts: readonly Start[],
): readonly ExplainedTarget[] {
  return starts.map(({ component, target }) => ({ target, passages: passagesOf(component, { target, components }) }));
}

interface Passing {
  readonly target: Target;
  readonly components: readonly ComponentConfig[];
  readonly from?: string;
}

/** References go round in no circle: the configuration was checked. */
function passagesOf(component: ComponentConfig, { target, components, from }: Passing): readonly Passage[] {
  const { id, kind, args } = component;
  const explanation = kind.explainTarget?.(id, args, target);
  if (!explanation) return [];
  const result = explanation.target;
  const next = result ? components.filter((other) => takesTargetsOf(other, id)) : [];
  return [
    { component: id, ...(from !== undefined && { from }), ...explanation },
    ...next.flatMap((other) => passagesOf(other, { target: result as Target, components, from: id })),
  ];
}

function takesTargetsOf({ references }: ComponentConfig, id: string): boolean {
  return references.some((reference) => reference.needs === "targets" && reference.id === id);
}
