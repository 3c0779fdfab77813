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
      if (!this.#scrapes.has(key) || (shared && declares)) this.#scrapes.set(key, scrape);
    }
  }

  scrapes(): readonly Scrape[] {
    return [...this.#scrapes.values()];
  }
}
