import type { FinderContext } from "./finder.ts";

/** What a look passed over, by reason: `no_address`, `no_name`. */
export class SkippedObjects {
  readonly #counts = new Map<string, number>();

  add(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}

export interface SkippedGauge {
  /** In place of what the look before passed over. */
  show(skipped: SkippedObjects): void;
  /** No look is going to follow. */
  remove(): void;
}

/** The metric that tells how much of the last look became no target. */
export function createSkippedGauge({ metrics, id }: Pick<FinderContext, "metrics" | "id">): SkippedGauge {
  const help = "What the last look found that became no target, by reason.";
  const gauge = metrics.gauge("discovery_skipped_objects", help, ["component_id", "reason"]);
  let shown: ReadonlyMap<string, number> = new Map();
  const remove = (): void => {
    for (const reason of shown.keys()) gauge.remove({ component_id: id, reason });
    shown = new Map();
  };
  return {
    show(skipped) {
      remove();
      shown = skipped.counts();
      for (const [reason, count] of shown) gauge.set({ component_id: id, reason }, count);
    },
    remove,
  };
}
