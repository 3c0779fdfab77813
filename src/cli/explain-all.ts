import type { ComponentConfig } from "../component/index.ts";
import { duplicatesAmong, Requests } from "./explain-duplicates.ts";
import { type Outcome, outcomeOf } from "./explain-outcome.ts";
import { type ExplainedTarget, explainTarget, type Start } from "./explain-targets.ts";

/** What becomes of a target. How that comes about is explained when it is asked for: of thousands of targets, it would be gigabytes. */
export interface JudgedTarget extends Pick<Start, "foundBy"> {
  readonly outcome: Outcome;
  readonly isChosen: boolean;
  readonly explain: () => ExplainedTarget;
}

export interface ExplainAllOptions {
  readonly components: readonly ComponentConfig[];
  /** Whether several that ask for the same are one process: not so of those that are given by hand, which are tried one by one. */
  readonly areCompared: boolean;
  readonly isChosen: (explained: ExplainedTarget) => boolean;
}

/** Follows every target through the components that take it. */
export function explainAll(starts: readonly Start[], options: ExplainAllOptions): readonly JudgedTarget[] {
  const { components, areCompared, isChosen } = options;
  const alone = (start: Start): ExplainedTarget => explainTarget(components, start);
  const requests = new Requests();
  const first = starts.map((start, index) => {
    const explained = alone(start);
    if (areCompared) requests.add(index, explained);
    return { outcome: outcomeOf(explained), isChosen: isChosen(explained) };
  });
  const duplicates = duplicatesAmong(requests, { components, explain: (index) => alone(starts[index] as Start) });
  return first.map(({ outcome, ...rest }, index): JudgedTarget => {
    const start = starts[index] as Start;
    const own = duplicates.get(index);
    const explain = (): ExplainedTarget => (own ? withDuplicates(alone(start), own) : alone(start));
    const { foundBy } = start;
    return {
      ...(foundBy !== undefined && { foundBy }),
      outcome: own ? outcomeOf(explain()) : outcome,
      ...rest,
      explain,
    };
  });
}

/** `duplicates` are places among all scrapes of the target. */
function withDuplicates(explained: ExplainedTarget, duplicates: ReadonlySet<number>): ExplainedTarget {
  let place = 0;
  const passages = explained.passages.map((passage) => ({
    ...passage,
    ...(passage.scrapes && {
      scrapes: passage.scrapes.map((scrape) => ({ ...scrape, isDuplicate: duplicates.has(place++) })),
    }),
  }));
  return { ...explained, passages };
}
