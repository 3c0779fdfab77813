import type { Ownership, ShareStatus } from "../../model/index.ts";
import type { Scrape } from "./plan.ts";

/**
 * The part of a component's scrapes that is this agent's, where targets are shared. It is decided by the address at the end of all rules,
 * since two discovered targets may turn out to be one process.
 */
export class Share {
  /** Before an agent has found its place in the cluster, nothing is known to be another's. */
  #hasOwned = false;
  /** Addresses at the last look; one that was known and another agent's, and is this agent's now, has moved. */
  #others: ReadonlySet<string> = new Set();
  #own: ReadonlySet<string> = new Set();

  /** This agent's of all scrapes; all of them where nothing is shared. `moved` is how many targets have come from other agents. */
  of(
    scrapes: readonly Scrape[],
    ownership: Ownership | undefined,
  ): { readonly own: readonly Scrape[]; readonly moved: number } {
    const own = new Set<string>();
    const others = new Set<string>();
    for (const address of new Set(scrapes.map((scrape) => scrape.address)))
      (ownership && !ownership.owns(address) ? others : own).add(address);
    const moved = this.#hasOwned ? [...own].filter((address) => this.#others.has(address)).length : 0;
    this.#hasOwned ||= own.size > 0;
    this.#own = own;
    this.#others = others;
    return { own: others.size === 0 ? scrapes : scrapes.filter(({ address }) => own.has(address)), moved };
  }

  /** In addresses. */
  get status(): ShareStatus {
    return { ownedTargets: this.#own.size, knownTargets: this.#own.size + this.#others.size };
  }
}
