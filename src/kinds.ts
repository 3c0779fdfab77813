import { type Clock, systemClock } from "./base/index.ts";
import type { ComponentKind } from "./component/index.ts";
import { createPhlareScrapeKind } from "./phlare/scrape/index.ts";
import { createScrapeKind, createSharedScrapeState } from "./pyroscope/scrape/index.ts";
import { storeKind } from "./pyroscope/store/index.ts";
import { writeKind } from "./pyroscope/write/index.ts";

/** Every kind of component that the agent offers. Both scrape kinds share what holds per process: CPU slots and baselines. */
export function createKinds(clock: Clock): readonly ComponentKind[] {
  const shared = createSharedScrapeState(clock);
  return [createScrapeKind(shared), writeKind, storeKind, createPhlareScrapeKind(shared)] as readonly ComponentKind[];
}

export const kinds: readonly ComponentKind[] = createKinds(systemClock);
