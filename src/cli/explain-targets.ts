import { errorMessage } from "../base/index.ts";
import type { ComponentConfig, OutgoingExplanation, TargetExplanation } from "../component/index.ts";
import type { Labels, PlannedScrape, Target } from "../model/index.ts";

/** A target where it enters the configuration. */
export interface Start {
  readonly target: Target;
  /** The component that found it; absent where it was written or given by hand. */
  readonly foundBy?: string;
  /** Those that take it first. */
  readonly takers: readonly ComponentConfig[];
}

/** What becomes of one target, component by component. */
export interface ExplainedTarget extends Omit<Start, "takers"> {
  readonly passages: readonly Passage[];
}

/** What one component made of it. */
export interface Passage extends Omit<TargetExplanation, "scrapes"> {
  readonly component: string;
  /** As it came there. */
  readonly given: Target;
  /** The component that it came from; absent where it was written or given by hand. */
  readonly from?: string;
  readonly scrapes?: readonly ExplainedScrape[];
}

export interface ExplainedScrape extends PlannedScrape {
  /** It is made as that of another target: one process, found several times. */
  readonly isDuplicate: boolean;
  /** What each receiver makes of the labels. */
  readonly sentAs: readonly Sending[];
}

export interface Sending extends OutgoingExplanation {
  readonly receiver: string;
}

/** Follows a target through the components that take it, as if it were the only one. */
export function explainTarget(components: readonly ComponentConfig[], { takers, ...start }: Start): ExplainedTarget {
  const { target, foundBy: from } = start;
  return { ...start, passages: takers.flatMap((taker) => passagesOf(taker, { target, components, from })) };
}

/** Those that take the targets that a component exports. */
export function takersOf(components: readonly ComponentConfig[], id: string): readonly ComponentConfig[] {
  return components.filter(({ references }) => references.some((each) => each.needs === "targets" && each.id === id));
}

interface Passing {
  readonly target: Target;
  readonly components: readonly ComponentConfig[];
  readonly from: string | undefined;
}

/** References go round in no circle: the configuration was checked. */
function passagesOf(component: ComponentConfig, { target: given, components, from }: Passing): readonly Passage[] {
  const { id, references } = component;
  const explanation = explanationOf(component, given);
  if (!explanation) return [];
  const { scrapes, ...rest } = explanation;
  const receivers = components.filter((other) =>
    references.some((each) => each.needs === "receiver" && each.id === other.id),
  );
  const sent = scrapes?.map((scrape) => ({
    ...scrape,
    isDuplicate: false,
    sentAs: receivers.map((receiver) => sending(receiver, scrape.labels)),
  }));
  const { target } = explanation;
  const next = target ? takersOf(components, id) : [];
  return [
    { component: id, given, ...(from !== undefined && { from }), ...rest, ...(sent && { scrapes: sent }) },
    ...next.flatMap((other) => passagesOf(other, { target: target as Target, components, from: id })),
  ];
}

/** Rules that make more of a target than is taken cost this one only. */
function explanationOf({ id, kind, args }: ComponentConfig, target: Target): TargetExplanation | undefined {
  try {
    return kind.explainTarget?.(id, args, target);
  } catch (thrown) {
    return { steps: [], problem: errorMessage(thrown) };
  }
}

/** A receiver that says nothing of them sends the labels as they are. */
function sending({ id: receiver, kind, args }: ComponentConfig, labels: Labels): Sending {
  return { receiver, ...(kind.explainOutgoing?.(args, labels) ?? { steps: [], insideRules: [], labels }) };
}
