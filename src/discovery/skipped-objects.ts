import type { FinderContext } from "./finder.ts";

/** What a look passed over, by reason: `no_address`, `no_name`, `too_many_ports`. */
export class SkippedObjects {
  readonly #counts = new Map<string, number>();

  add(reason: string, count = 1): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + count);
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

export function skippedGauge(metrics: FinderContext["metrics"]) {
  const help = "What the last look found that became no target, by reason.";
  return metrics.gauge("discovery_skipped_objects", help, ["component_id", "reason"]);
}

/** The metric that tells how much of the last look became no target. */
export function createSkippedGauge({ metrics, id }: Pick<FinderContext, "metrics" | "id">): SkippedGauge {
  const gauge = skippedGauge(metrics);
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
