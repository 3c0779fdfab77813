import type { ComponentConfig } from "../component/index.ts";
import { labelsKey, type PlannedScrape, type Target } from "../model/index.ts";
import type { ExplainedTarget } from "./explain-targets.ts";

/** Which targets ask for what. Those that ask for the same may be one process, found several times. */
export class Requests {
  /** Places of targets in their list, ascending, by component, type and URL. */
  readonly #asking = new Map<string, number[]>();

  add(index: number, explained: ExplainedTarget): void {
    for (const { key } of asksOf(explained)) {
      const others = this.#asking.get(key);
      if (others) others.push(index);
      else this.#asking.set(key, [index]);
    }
  }

  /** Those that several ask for, or one in several ways. */
  contested(): readonly (readonly [key: string, targets: readonly number[]])[] {
    return [...this.#asking].filter(([, targets]) => targets.length > 1);
  }
}

export interface DuplicatesOptions {
  readonly components: readonly ComponentConfig[];
  /** Explains the target at this place of the list. */
  readonly explain: (index: number) => ExplainedTarget;
}

/** Requests that are looked at together: what their targets are planned with is in memory at the same time. */
const requestsAtOnce = 1000;

/** The scrapes that are made as those of another target, by target: their places among all scrapes of it. */
export function duplicatesAmong(
  requests: Requests,
  { components, explain }: DuplicatesOptions,
): ReadonlyMap<number, ReadonlySet<number>> {
  const duplicates = new Map<number, Set<number>>();
  const contested = requests.contested();
  for (let from = 0; from < contested.length; from += requestsAtOnce) {
    const batch = new Map(contested.slice(from, from + requestsAtOnce));
    // In their order: the first of several that are the same is the one that is made.
    const targets = [...new Set([...batch.values()].flat())].sort((a, b) => a - b);
    const asks = targets.map((index) => asksOf(explain(index)));
    const made = madeBy(components, asks.flat());
    for (const [at, index] of targets.entries()) {
      for (const [place, { component, key, scrapeKey }] of (asks[at] ?? []).entries()) {
        if (!batch.has(key) || made.get(component)?.delete(scrapeKey) !== false) continue;
        duplicates.set(index, (duplicates.get(index) ?? new Set()).add(place));
      }
    }
  }
  return duplicates;
}

/** A scrape that a component would make of a target. */
interface Ask {
  readonly component: string;
  readonly given: Target;
  /** Whether the target is written in the component itself. */
  readonly isLiteral: boolean;
  /** The same for all that may be the same scrape. */
  readonly key: string;
  readonly scrapeKey: string;
}

function asksOf({ passages }: ExplainedTarget): readonly Ask[] {
  return passages.flatMap(({ component, given, from, scrapes = [] }) =>
    scrapes.map((scrape) => ({
      component,
      given,
      isLiteral: from === undefined,
      key: `${component}\n${scrape.type}\n${scrape.url}`,
      scrapeKey: scrapeKeyOf(scrape),
    })),
  );
}

/** What each component makes of all that ask, its own targets included. */
function madeBy(components: readonly ComponentConfig[], asks: readonly Ask[]): ReadonlyMap<string, Set<string>> {
  const byComponent = Map.groupBy(asks, ({ component }) => component);
  return new Map(
    components.flatMap(({ id, kind, args }) => {
      const found = new Set((byComponent.get(id) ?? []).flatMap(({ given, isLiteral }) => (isLiteral ? [] : [given])));
      return kind.plan ? [[id, new Set(kind.plan(id, args, [...found]).map(scrapeKeyOf))] as const] : [];
    }),
  );
}

function scrapeKeyOf({ type, url, labels }: PlannedScrape): string {
  return `${type}\n${url}\n${labelsKey(labels)}`;
}
