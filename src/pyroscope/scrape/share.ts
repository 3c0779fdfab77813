import { type Clock, limits } from "../../base/index.ts";
import type { Ownership, ShareStatus } from "../../model/index.ts";
import type { Work } from "./in-turns.ts";
import type { Scrape } from "./plan.ts";

/** Of a component's scrapes those that are this agent's; `moved` are what targets are shared by that have come from other agents. */
export interface OwnPart {
  readonly own: readonly Scrape[];
  readonly moved: ReadonlySet<string>;
}

/** A target that was this agent's when it was known last. */
interface Lost {
  readonly sinceMs: number;
  /** It has been another agent's since. */
  isOthers: boolean;
}

/** By then nothing is remembered of a target any more that could be pushed a second time. */
const longestLossMs = 2 * limits.baselineAgeMs;

/**
 * The part of a component's scrapes that is this agent's, where targets are shared. It is decided by a target's address at the end of all
 * rules, since two discovered targets may turn out to be one process, and so all types of a target are one agent's.
 */
export class Share {
  readonly #clock: Clock;
  /** Before an agent has found its place in the cluster, nothing is known to be another's. */
  #hasOwned = false;
  /** What targets are shared by (Scrape.owner) at the last look; one that was known and another agent's, and is this agent's now, has moved. */
  #others: ReadonlySet<string> = new Set();
  #own: ReadonlySet<string> = new Set();
  /** Those of this agent that are not known any more: others may know them, and scrape them meanwhile. */
  readonly #lost = new Map<string, Lost>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** This agent's part of all scrapes; all of them where nothing is shared. */
  *of(scrapes: readonly Scrape[], ownership: Ownership | undefined): Work<OwnPart> {
    const own = new Set<string>();
    const others = new Set<string>();
    for (const { owner } of scrapes) {
      if (own.has(owner) || others.has(owner)) continue;
      (ownership && !ownership.owns(owner) ? others : own).add(owner);
      yield;
    }
    const wasOthers = (owner: string): boolean => this.#others.has(owner) || this.#lost.get(owner)?.isOthers === true;
    const moved = new Set(this.#hasOwned ? [...own].filter(wasOthers) : []);
    yield* this.#watchLost((owner) => own.has(owner) || others.has(owner), ownership);
    this.#hasOwned ||= own.size > 0;
    this.#own = own;
    this.#others = others;
    return { own: others.size === 0 ? scrapes : scrapes.filter(({ owner }) => own.has(owner)), moved };
  }

  /** In addresses. */
  get status(): ShareStatus {
    return { ownedTargets: this.#own.size, knownTargets: this.#own.size + this.#others.size };
  }

  /** Keeps in mind what is not known any more, and whether it becomes another agent's. */
  *#watchLost(isKnown: (owner: string) => boolean, ownership: Ownership | undefined): Work {
    const nowMs = this.#clock.monotonic();
    for (const owner of this.#own) if (!isKnown(owner)) this.#lost.set(owner, { sinceMs: nowMs, isOthers: false });
    let surplus = ownership ? this.#lost.size - limits.lostTargets : Number.POSITIVE_INFINITY;
    for (const [owner, lost] of this.#lost) {
      const isOver = surplus-- > 0 || lost.sinceMs < nowMs - longestLossMs || isKnown(owner);
      if (isOver) this.#lost.delete(owner);
      else lost.isOthers ||= ownership?.owns(owner) === false;
      yield;
    }
  }
}
