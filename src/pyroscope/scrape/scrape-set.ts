import { labelValue, type Target } from "../../model/index.ts";
import type { Scrape } from "./plan.ts";
import { namesItsTypes } from "./target-types.ts";

/**
 * The scrapes of several targets, equal ones once. A pod is one target for each port that it declares, and so is a container: where
 * the target itself says what is scraped (an annotation names the port), each of them asks for the same scrape under labels of its own. It is
 * made once, as that of the target whose port it is, or else of the first.
 */
export class ScrapeSet {
  readonly #scrapes = new Map<string, Scrape>();

  add(target: Target, scrapes: readonly Scrape[]): void {
    const shared = namesItsTypes(target);
    for (const scrape of scrapes) {
      const key = shared ? `${scrape.type}\n${scrape.url}` : scrape.identity;
      const declares = labelValue(target, "__address__") === scrape.address;
      const before = this.#scrapes.get(key);
      const kept = !before || (shared && declares) ? scrape : before;
      this.#scrapes.set(key, before ? ownedByLeast(kept, before, scrape) : kept);
    }
  }

  scrapes(): readonly Scrape[] {
    return [...this.#scrapes.values()];
  }
}

/** One scrape is one agent's, whichever of its targets came first. */
function ownedByLeast(kept: Scrape, a: Scrape, b: Scrape): Scrape {
  const owner = a.owner < b.owner ? a.owner : b.owner;
  return kept.owner === owner ? kept : { ...kept, owner };
}
