import { errorMessage } from "../base/index.ts";
import type { ComponentConfig, TargetExplanation } from "../component/index.ts";
import { type Labels, labelsKey, type PlannedScrape, type Target } from "../model/index.ts";

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
export interface Passage extends Omit<TargetExplanation, "scrapes"> {
  readonly component: string;
  readonly scrapes?: readonly ExplainedScrape[];
  /** The component that it came from; absent where it was written or given by hand. */
  readonly from?: string;
}

export interface ExplainedScrape extends PlannedScrape {
  /** What receivers make of the labels where they do not stay as they are. */
  readonly sentAs: readonly Sending[];
}

/** A receiver, with the labels under which it sends a profile on or the reason why it cannot; neither where a rule drops it. */
export interface Sending {
  readonly receiver: string;
  readonly labels?: Labels;
  readonly problem?: string;
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
  const { id, kind, args, references } = component;
  const explanation = kind.explainTarget?.(id, args, target);
  if (!explanation) return [];
  const { scrapes, ...rest } = explanation;
  const receivers = components.filter((other) =>
    references.some((each) => each.needs === "receiver" && each.id === other.id),
  );
  const sent = scrapes?.map((scrape) => ({
    ...scrape,
    sentAs: receivers.flatMap((receiver) => sending(receiver, scrape)),
  }));
  const result = explanation.target;
  const next = result ? components.filter((other) => takesTargetsOf(other, id)) : [];
  return [
    { component: id, ...(from !== undefined && { from }), ...rest, ...(sent && { scrapes: sent }) },
    ...next.flatMap((other) => passagesOf(other, { target: result as Target, components, from: id })),
  ];
}

function sending({ id: receiver, kind, args }: ComponentConfig, { labels: before }: PlannedScrape): readonly Sending[] {
  if (!kind.outgoingLabels) return [];
  try {
    const labels = kind.outgoingLabels(args, before);
    if (!labels) return [{ receiver }];
    return labelsKey(labels) === labelsKey(before) ? [] : [{ receiver, labels }];
  } catch (thrown) {
    return [{ receiver, problem: errorMessage(thrown) }];
  }
}

function takesTargetsOf({ references }: ComponentConfig, id: string): boolean {
  return references.some((reference) => reference.needs === "targets" && reference.id === id);
}
