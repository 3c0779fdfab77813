import { type Clock, systemClock } from "./base/index.ts";
import type { ComponentKind } from "./component/index.ts";
import { discoveryKinds } from "./discovery/index.ts";
import { createPhlareScrapeKind } from "./phlare/scrape/index.ts";
import {
  type BaselineTable,
  createScrapeKind,
  createSharedScrapeState,
  type SharedScrapeState,
} from "./pyroscope/scrape/index.ts";
import { storeKind } from "./pyroscope/store/index.ts";
import { writeKind } from "./pyroscope/write/index.ts";

/** Every kind of component that the agent offers. Both scrape kinds share what holds per process: CPU slots and baselines. */
export function createKinds(
  clock: Clock,
  shared: SharedScrapeState = createSharedScrapeState(clock),
): readonly ComponentKind[] {
  return [
    createScrapeKind(shared),
    writeKind,
    storeKind,
    createPhlareScrapeKind(shared),
    ...discoveryKinds,
  ] as readonly ComponentKind[];
}

const shared = createSharedScrapeState(systemClock);

export const kinds: readonly ComponentKind[] = createKinds(systemClock, shared);

/** What the scrape components of `kinds` compute deltas against: the next run of the agent goes on with it. */
export const baselines: BaselineTable = shared.baselines;
