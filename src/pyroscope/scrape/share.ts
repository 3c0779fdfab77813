import type { Ownership, ShareStatus } from "../../model/index.ts";
import type { Work } from "./in-turns.ts";
import type { Scrape } from "./plan.ts";

/**
 * The part of a component's scrapes that is this agent's, where targets are shared. It is decided by a target's address at the end of all
 * rules, since two discovered targets may turn out to be one process, and so all types of a target are one agent's.
 */
export class Share {
  /** Before an agent has found its place in the cluster, nothing is known to be another's. */
  #hasOwned = false;
  /** What targets are shared by (Scrape.owner) at the last look; one that was known and another agent's, and is this agent's now, has moved. */
  #others: ReadonlySet<string> = new Set();
  #own: ReadonlySet<string> = new Set();

  /** This agent's of all scrapes; all of them where nothing is shared. `moved` is how many targets have come from other agents. */
  *of(
    scrapes: readonly Scrape[],
    ownership: Ownership | undefined,
  ): Work<{ readonly own: readonly Scrape[]; readonly moved: number }> {
    const own = new Set<string>();
    const others = new Set<string>();
    for (const { owner } of scrapes) {
      if (own.has(owner) || others.has(owner)) continue;
      (ownership && !ownership.owns(owner) ? others : own).add(owner);
      yield;
    }
    const moved = this.#hasOwned ? [...own].filter((owner) => this.#others.has(owner)).length : 0;
    this.#hasOwned ||= own.size > 0;
    this.#own = own;
    this.#others = others;
    return { own: others.size === 0 ? scrapes : scrapes.filter(({ owner }) => own.has(owner)), moved };
  }

  /** In addresses. */
  get status(): ShareStatus {
    return { ownedTargets: this.#own.size, knownTargets: this.#own.size + this.#others.size };
  }
}
